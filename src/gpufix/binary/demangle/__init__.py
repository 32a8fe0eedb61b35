"""C++ names for messages: demangled here, without the patient's libstdc++."""
