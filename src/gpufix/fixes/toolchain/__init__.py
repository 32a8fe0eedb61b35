"""The toolkit, compilers and variables of builds."""
