"""jpegx: the JPEG decoder that samples images the file could have come from."""

__version__ = "0.1.0"
