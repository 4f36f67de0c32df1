namespace churon {}
