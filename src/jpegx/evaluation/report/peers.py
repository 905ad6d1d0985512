"""How other programs are measured beside the models of jpegx: ``jpegx eval peers``."""

PEERS = """\
Other programs beside the models of jpegx, on the same JPEG files.

Any program that restores folders: export the files, let it work, measure what it made.

  jpegx eval originals --quality 10 --model standard --export-jpegs files
  (the program: from files/q10/NAME.jpg to theirs/NAME.png, of the same size)
  jpegx eval originals --decoded theirs --jpegs files/q10 --model general -o out

A program that restores one picture needs no folders; it is measured at all qualities, as it is and
made exact. It gets what libjpeg shows as a PNG:

  jpegx eval originals --model 'command:PROGRAM {input} {output}' -o out

FBCNN (Jiang et al. 2021), SwinIR (Liang et al. 2021), DnCNN (Zhang et al. 2017)
  By their authors' own programs, as above: each writes PNG files of a folder of JPEG files. DnCNN
  for JPEG is of luma alone: add --gray. Weights in safetensors files that spandrel knows are opened
  by jpegx itself, in tiles (pip install 'jpegx[restorers]'):

  jpegx eval originals --model restorer:fbcnn_color.safetensors --model regression -o out

jpeg2png
  It reads the coefficients, so it wants the files themselves, not what libjpeg shows of them:

  mkdir theirs; for f in files/q10/*.jpg; do
    jpeg2png "$f" -o "theirs/$(basename "$f" .jpg).png"; done

A network of your own in PyTorch, or any function
  jpegx.evaluate("originals", [network, "general"], qualities=[10]) in Python.

What to compare by: PSNR and SSIM are for the one picture with the least error, the Fréchet
distances and NIQE for how natural it is, "outside" for whether the file allows it at all.
Published figures stand beside with --protocol (jpegx eval --protocol list)."""
