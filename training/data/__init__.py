"""Pictures for training: sources (folders, tar, zip), a uint8 cache, batches of crops."""
