"""GPU code in files of any kind: fatbins, offload bundles, code objects."""
