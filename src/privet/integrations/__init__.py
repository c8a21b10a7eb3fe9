"""Other people's frameworks: the only folder that imports them, each inside the module that is named for it."""
