"""Reading and writing JPEG files by the C libraries that the package jpeglib carries.

Why jpeglib. What counts here are the quantized integers of a file, and those that stock libjpeg
makes of a picture. Pillow, OpenCV and imageio show pixels and keep the integers to themselves. To
write a decoder of our own would be a second opinion where there must be one: exactness is defined
by what libjpeg 6b does. jpeglib ships that very version, and libjpeg-turbo beside it, compiled for
the usual machines, with entry points that give and take coefficients.

Why not its Python functions. They decode a file twice, copy its markers into a fixed array that a
hostile file overflows, do not read arithmetic coding, and let the C code print to standard error.
So ``libjpeg.py`` calls the compiled functions themselves through ctypes: ``read_jpeg_dct``,
``read_jpeg_spatial`` and ``write_jpeg_spatial``. Their arguments are jpeglib's private matter, and
a wrong one does not raise but writes where it must not. Hence

- the version is pinned (``jpeglib>=1.0.2,<1.1``) and looked at before anything is called
  (``library.py``); another one is refused in a line that says what to install;
- when it is first used, a small picture whose integers are known is encoded and read back, colour,
  sampling factors and the order of frequencies included (``self_check`` in ``libjpeg.py``);
- the C code is given only files of our own making: every header is parsed here, by libjpeg's rules
  (``parser.py``, ``segments.py``, ``frame.py``, ``entropy.py``), and what is not understood is
  refused before C sees it; ``Header.stream`` writes a clean file of what was understood;
- arrays are allocated by us, of sizes that the parsed header gives;
- three libraries are used: libjpeg 6b encodes, since it is the stock one that exactness means;
  libjpeg-turbo 2.1.0 reads, since it knows arithmetic coding; 1.2.0 reads the rare progressive
  files that it does not.

What the C code prints is caught (``jpegx.io.capture``) and told in our words (``damage.py``).
"""
