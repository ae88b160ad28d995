"""python -m fastcolor"""

from fastcolor.cli import main

main()
