// Nothing is called here: the library is preloaded.
