# A module that makes nothing which request paths depend on. What its outputs are is not known.
