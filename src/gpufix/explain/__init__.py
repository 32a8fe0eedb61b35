"""From a pasted error or log to its cause: read, recognise, decide, compare with the patient."""
