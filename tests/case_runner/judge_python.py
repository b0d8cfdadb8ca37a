"""Answers each base64 line on its input: `ok`, or why the text does not parse.

Run by any Python of version 3.8 or later, so that new syntax can be judged by a newer one.
"""

import ast
import base64
import sys
import warnings

warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        ast.parse(base64.b64decode(line))
        answer = "ok"
    except (SyntaxError, ValueError) as error:
        answer = str(error).replace("\n", " ")
    print(answer, flush=True)
