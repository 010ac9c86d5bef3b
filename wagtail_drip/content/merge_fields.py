def builtin():
    return {}
