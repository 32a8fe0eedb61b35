float box_area(const float *box) { return (box[2] - box[0]) * (box[3] - box[1]); }
