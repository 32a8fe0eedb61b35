// One JSON object a line on standard output.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>

namespace gpu {

inline std::string json_string(const std::string& s) {
    std::string out = "\"";
    for (unsigned char c : s) {
        char escaped[8];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c < 0x20) {
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
            out += escaped;
        } else {
            out += static_cast<char>(c);
        }
    }
    return out + "\"";
}

// JSON has no NaN or infinity: they become null.
inline std::string json_number(double v) {
    if (!std::isfinite(v)) return "null";
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", v);
    double shorter = 0;
    char brief[32];
    std::snprintf(brief, sizeof brief, "%.9g", v);
    std::sscanf(brief, "%lf", &shorter);
    return shorter == v || std::fabs(v) < 1e9 ? brief : text;
}

class JsonObject {
   public:
    JsonObject& text(const char* key, const std::string& v) { return raw(key, json_string(v)); }
    JsonObject& number(const char* key, double v) { return raw(key, json_number(v)); }
    JsonObject& boolean(const char* key, bool v) { return raw(key, v ? "true" : "false"); }
    JsonObject& raw(const char* key, const std::string& json) {
        if (!body_.empty()) body_ += ", ";
        body_ += json_string(key) + ": " + json;
        return *this;
    }
    std::string str() const { return "{" + body_ + "}"; }
    void print() const {
        std::printf("%s\n", str().c_str());
        std::fflush(stdout);  // a later crash must not take this line with it
    }

   private:
    std::string body_;
};

}  // namespace gpu
