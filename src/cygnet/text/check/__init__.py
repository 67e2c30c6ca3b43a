"""Checks of raw text: what is broken, what is there twice, what of a held-out text has leaked.

- ``corpus``: what is checked, and where its documents are
- ``words``: words and runs of words as numbers
- ``encoding``: bytes that are not UTF-8, mojibake
- ``duplicates``: the same documents, and nearly the same
- ``overlap``: runs of 13 words in two corpora
- ``survey``, ``findings``: one reading of a corpus, and what follows from it
- ``reporting``, ``excerpts``, ``report``, ``table``: the report
"""

from cygnet.text.check.checking import check_files as check_files
from cygnet.text.check.checking import check_text as check_text
from cygnet.text.check.report import CheckReport as CheckReport
