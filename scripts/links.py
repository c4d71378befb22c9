"""Checks that what the documents point at exists: files, folders, headings, and named code.

A link whose text is code names what is defined in the file it leads to: [`turn`](sfu/src/worker.rs)
needs a `turn` in that file, [`Packet::parse`](...) a `parse` and a `Packet`. Code spans in
ARCHITECTURE.md that look like a path (they contain a slash and an ending, or end in a slash) must
exist too.
"""

import re
import sys
from pathlib import Path

from rules import tracked_files

LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s]+)\)")
CODE_PATH = re.compile(r"`(?P<path>[\w.-]+/[\w./-]*)`")
DEFINITION = (
    r"\b(?:fn|struct|enum|trait|type|mod|const|static|macro_rules!|function|class|interface|def)\s+{name}\b"
)


def dead_links(root: Path, document: Path) -> list[str]:
    """Each dead link of a document, with its line."""
    found = []
    for number, line in enumerate((root / document).read_text().splitlines(), start=1):
        for link in LINK.finditer(line):
            reason = why_dead(root, document, link["text"], link["target"])
            if reason:
                found.append(f"{document}:{number}: {reason}")
        if document.name == "ARCHITECTURE.md":
            for path in CODE_PATH.findall(line):
                if not (root / path).exists():
                    found.append(f"{document}:{number}: there is no {path}")
    return found


def why_dead(root: Path, document: Path, text: str, target: str) -> str | None:
    if re.match(r"[a-z]+:", target):
        return None
    path, _, heading = target.partition("#")
    file = (root / document).parent / path if path else root / document
    if not file.exists():
        return f"there is no {target}"
    if heading and heading not in headings(file):
        return f"{path or document} has no heading #{heading}"
    if file.is_file() and file.suffix in {".rs", ".ts", ".tsx"} and re.fullmatch(r"`[\w:]+`", text):
        source = file.read_text()
        for name in text.strip("`").split("::"):
            if not re.search(DEFINITION.format(name=re.escape(name)), source) and f"impl {name}" not in source:
                return f"{path} defines no {name}"
    return None


def headings(file: Path) -> set[str]:
    titles = re.findall(r"^#+\s+(.+)$", file.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    documents = [path for path in tracked_files(here) if path.suffix == ".md"]
    found = [reason for document in documents for reason in dead_links(here, document)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
