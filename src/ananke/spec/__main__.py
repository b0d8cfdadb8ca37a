"""`python -m ananke.spec` prints the published JSON Schema."""

import sys

from ananke.spec.schema import published_schema

sys.stdout.write(published_schema())
