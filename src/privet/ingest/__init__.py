"""Raw files and datasets in, clean ones out, with a manifest that proves it."""
