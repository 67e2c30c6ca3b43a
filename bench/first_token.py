"""How long a page of ``cygnet xray serve`` takes from the click to the first token on the screen.

python bench/first_token.py RUN, with Debian's chromium and playwright. Each click writes on from
another text; the time is the browser's own, until the frame that shows the token.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SENTENCE = "Once upon a time, there was a little girl who liked to play. "
PROMPTS = {
    "10 tokens": SENTENCE[:36],
    "about 1,000 tokens": SENTENCE * 66,
    "about 3,000 tokens": SENTENCE * 176,
}
CLICK = """() => new Promise(done => {
  const before = document.querySelectorAll("#tokens .token").length;
  const begin = performance.now();
  const watcher = new MutationObserver(() => {
    if (document.querySelectorAll("#tokens .token").length <= before) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));  // painted
  });
  watcher.observe(document.getElementById("tokens"), {childList: true});
  document.getElementById("write").click();
})"""


def main() -> None:
    """Print the table as it stands in docs/microscope.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--clicks", type=int, default=15)
    arguments = parser.parse_args()
    print("| text before the click | median, ms | longest, ms |\n| --- | --- | --- |")
    with served(arguments.run) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        for name, prompt in PROMPTS.items():
            times = [click(page, f"{prompt}{' ' * i}", i) for i in range(arguments.clicks)]
            print(f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} |", flush=True)
        browser.close()


@contextlib.contextmanager
def served(run: str) -> Iterator[str]:
    """The address of a page, as long as it is wanted."""
    command = [sys.executable, "-m", "cygnet", "xray", "serve", run, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().split()[0]
        finally:
            server.terminate()


def click(page: Page, text: str, seed: int) -> float:
    """Milliseconds from a click on Write to the first token."""
    page.fill("#box", text)
    while "".join(page.locator("#tokens .clean").all_text_contents()) != text:
        page.wait_for_timeout(100)  # until the text itself is looked at
    page.fill("#max_tokens", "5")
    page.fill("#seed", str(seed))
    found: float = page.evaluate(CLICK)
    page.wait_for_timeout(300)
    return found


if __name__ == "__main__":
    main()
