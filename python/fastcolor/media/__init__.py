"""Pictures from files and into files: codecs (pixels) and metadata (everything beside them)."""
