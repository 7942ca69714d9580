"""Looks at margayd's page with Chromium, and takes pictures of it."""

import sys

from playwright.sync_api import expect, sync_playwright

url, pictures, inside, prefix = sys.argv[1:]


def shown(page):
    """Waits until the page has read the state, and checks what it shows."""
    expect(page.locator("#summary")).to_contain_text("1/2 sessions")
    rows = page.locator("#sessions tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("peer3")
    expect(rows.nth(1)).to_contain_text("Established")
    expect(page.locator("#failure")).to_be_hidden()


def explained(page):
    page.get_by_label("A prefix or an address").fill(inside)
    page.get_by_role("button", name="Explain").click()
    picture = page.get_by_role("img", name=f"Paths to {prefix}, and where it is advertised")
    expect(picture).to_be_visible()
    expect(picture.locator("rect.best").first).to_be_visible()
    expect(page.locator("#reasons")).to_contain_text("peer2 via")


def fits(page):
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    colours = set()
    for name, size, scheme in [
        ("light", (1280, 900), "light"),
        ("dark", (1280, 900), "dark"),
        ("phone", (360, 740), "light"),
    ]:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page = context.new_page()
        complaints, foreign = [], []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((url, "data:")) else foreign.append(request.url))
        page.goto(url)
        shown(page)
        explained(page)
        fits(page)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.wait_for_timeout(4500)
        page.screenshot(path=f"{pictures}/{name}.png", full_page=True)
        assert not complaints, complaints
        assert not foreign, foreign
        context.close()
    assert len(colours) == 2, colours

    page = browser.new_page()
    page.goto(url)
    shown(page)
    # The stream of events begins with the page, and has had time to.
    page.wait_for_timeout(1500)
    page.get_by_label("Only names with").fill("peer3")
    expect(page.locator("#sessions tbody tr")).to_have_count(1)
    page.get_by_label("A prefix or an address").fill("nonsense")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#failure")).to_contain_text("neither an address nor a prefix")
    print("ready for an event", flush=True)
    expect(page.locator("#events")).to_contain_text("peer2 down: administrative reset", timeout=30000)
    expect(page.locator("#events")).to_contain_text("peer2 established", timeout=30000)
    browser.close()
