"""The intermediate representation: interned nodes that know their axes."""
