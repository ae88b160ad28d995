"""Joined files in the programs that will meet them: the right colours, and luma as it was.

Each reader skips with a reason where it is not installed. On Debian: ffmpeg imagemagick
libvips-tools chromium; OpenCV and Pillow come with the test extra.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable

import jpeg_files as files
import numpy as np
import pytest
from jpeg_files import APP0
from PIL import Image

from fastcolor import jpeg

SECONDS = 60
WIDTH, HEIGHT = 75, 61  # neither a whole number of blocks nor of MCUs


@functools.cache
def cases() -> dict[str, tuple[bytes, bytes]]:
    """Grey files and what join made of them."""
    size = (WIDTH, HEIGHT)
    base, progressive = files.grey(*size), files.grey(*size, progressive=True)
    restarts = files.grey(*size, restart_marker_blocks=3)
    adobe = files.inserted(files.without(base, APP0), files.adobe(0))
    profile = files.inserted(base, files.icc(files.grey_profile()))
    exif = files.inserted(base, files.exif_with_thumbnail(files.grey(16, 12)), before=(APP0,))
    plain = [
        ("baseline", base, 2, 2),
        ("progressive", progressive, 2, 2),
        ("baseline 4:4:4", base, 1, 1),
        ("progressive 4:4:4", progressive, 1, 1),
        ("baseline 4:2:2", base, 2, 1),
        ("restarts", restarts, 2, 2),
        ("Adobe 0 without JFIF", adobe, 2, 2),
        ("component 82 without JFIF", files.named(files.without(base, APP0), 82), 2, 2),
        ("sampled 2x2", files.sampled(base, 2, 2), 2, 2),
        ("all tables taken", files.quantised_by(base, 2, 0, 1, 3), 2, 2),
        ("progressive, all tables taken", files.quantised_by(progressive, 1, 0, 2, 3), 2, 2),
        ("progressive restarts", files.grey(*size, progressive=True, restart_marker_rows=1), 2, 1),
        ("grey profile", profile, 2, 2),
        ("EXIF before JFIF", exif, 2, 2),
        ("no EOI", base[:-2], 2, 2),
        ("bytes after EOI", base + b"tail", 2, 2),
    ]
    made = {}
    for name, grey, step_x, step_y in plain:
        chroma = jpeg.encode_chroma(*files.planes_for(*size, step_x, step_y))
        made[name] = (grey, jpeg.join(grey, chroma))
        if name in ("baseline", "progressive"):
            made[f"{name}, optimized"] = (grey, jpeg.join(grey, chroma, optimize=True))
    return made


CASES = list(cases())


def check(name: str, rgb: np.ndarray, grey: np.ndarray, tolerance: float) -> None:
    """rgb has the luma of grey and the colours that libjpeg, through Pillow, gives."""
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    luma = rgb.astype(float) @ [0.299, 0.587, 0.114]
    assert np.abs(luma - grey).max() <= 1.5
    with Image.open(io.BytesIO(cases()[name][1])) as image:
        expected = np.asarray(image.convert("RGB")).astype(float)
    assert np.ptp(expected, axis=-1).mean() > 50  # far from grey
    assert np.abs(rgb - expected).mean() <= tolerance


def run(*command: object, data: bytes = b"") -> bytes:
    done = subprocess.run(
        list(map(str, command)),
        input=data,
        capture_output=True,
        timeout=SECONDS,
        env=files.plain_environment(),
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def pixels(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, np.uint8).reshape(HEIGHT, WIDTH, -1)


def tool(*names: str) -> str:
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(f"{' or '.join(names)} is not installed")


def ordinary_grey(grey: bytes) -> bytes:
    return grey if grey.rstrip(b"tail").endswith(b"\xff\xd9") else grey + b"\xff\xd9"


# --- libraries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_pillow(name):
    grey, joined = cases()[name]
    with Image.open(io.BytesIO(ordinary_grey(grey))) as image:
        before = np.asarray(image)
    with Image.open(io.BytesIO(joined)) as image:
        assert (image.mode, image.size) == ("RGB", (WIDTH, HEIGHT))
        check(name, np.asarray(image), before, 0)
    with Image.open(io.BytesIO(joined)) as image:
        image.draft("L", None)
        assert (np.asarray(image) == before).all()


@pytest.mark.parametrize("name", CASES)
def test_opencv(name):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    grey, joined = cases()[name]
    grey, joined = (np.frombuffer(file, np.uint8) for file in (ordinary_grey(grey), joined))
    before = cv2.imdecode(grey, cv2.IMREAD_GRAYSCALE)
    assert (cv2.imdecode(joined, cv2.IMREAD_GRAYSCALE) == before).all()
    check(name, cv2.imdecode(joined, cv2.IMREAD_COLOR)[..., ::-1], before, 0.5)


# --- programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_ffmpeg(name):
    ffmpeg = tool("ffmpeg")
    grey, joined = cases()[name]

    def frame(file: bytes, *options: str) -> np.ndarray:
        source = (ffmpeg, "-v", "error", "-f", "jpeg_pipe", "-i", "-")
        return pixels(run(*source, *options, "-f", "rawvideo", "-", data=file))

    before = frame(ordinary_grey(grey), "-pix_fmt", "gray")[..., 0]
    luma = frame(joined, "-vf", "extractplanes=y", "-pix_fmt", "gray")[..., 0]
    assert (luma == before).all()
    flags = "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp"
    rgb = frame(joined, "-vf", flags, "-pix_fmt", "rgb24")
    check(name, rgb, before, 2)


@pytest.mark.parametrize("name", CASES)
def test_imagemagick(name):
    magick = tool("magick", "convert")
    version = subprocess.run(
        [magick, "-version"], capture_output=True, env=files.plain_environment()
    )
    if b"Version: ImageMagick" not in version.stdout:
        pytest.skip(f"{magick} is not ImageMagick")
    grey, joined = cases()[name]
    before = pixels(run(magick, "jpeg:-", "-depth", "8", "gray:-", data=ordinary_grey(grey)))[
        ..., 0
    ]
    check(name, pixels(run(magick, "jpeg:-", "-depth", "8", "rgb:-", data=joined)), before, 1)


@pytest.mark.parametrize("name", CASES)
def test_libvips(name, tmp_path):
    vips = tool("vips")
    grey, joined = cases()[name]

    def frame(file: bytes) -> np.ndarray:
        (tmp_path / "in.jpg").write_bytes(file)
        run(vips, "rawsave", f"{tmp_path / 'in.jpg'}[fail_on=error]", tmp_path / "out.raw")
        return pixels((tmp_path / "out.raw").read_bytes())

    check(name, frame(joined), frame(ordinary_grey(grey))[..., 0], 1)


PAGE = b"""<!doctype html><script>
async function pixels(number) {
  const image = new Image();
  image.src = "/" + number;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width; canvas.height = image.height;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height).data;
}
(async () => {
  const count = +location.search.slice(1);
  for (let number = 0; number < count; ++number) {
    let body;
    try { body = await pixels(number); } catch (error) { body = String(error); }
    await fetch("/" + number, {method: "POST", body});
  }
})();
</script>"""


class Site(http.server.ThreadingHTTPServer):
    """Serves files by number and keeps what the page says of them."""

    def __init__(self, sent: list[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent = sent
        self.drawn: dict[int, bytes] = {}
        self.done = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        number = self.path[1:]
        found = number.isdigit()
        body = self.server.sent[int(number)] if found else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg" if found else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.drawn[int(self.path[1:])] = body
        self.send_response(204)
        self.end_headers()
        if len(self.server.drawn) == len(self.server.sent):
            self.server.done.set()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def in_chromium(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple]:
    """Every case in one run of the browser: (grey pixels, joined pixels) by name."""
    chromium = tool("chromium", "chromium-browser", "google-chrome")
    profile = tmp_path_factory.mktemp("chromium")
    sent = [ordinary_grey(cases()[name][0]) for name in CASES] + [cases()[n][1] for n in CASES]
    with Site(sent) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--no-first-run", "--force-color-profile=srgb",
             f"--user-data-dir={profile}", "--remote-debugging-port=0",
             f"http://127.0.0.1:{site.server_port}/?{len(sent)}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            env=files.plain_environment(),
        )  # fmt: skip
        try:
            finished = site.done.wait(2 * SECONDS)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            said = browser.communicate()[1]
            site.shutdown()
        assert finished, f"{len(site.drawn)} of {len(sent)} drawn; {said[-500:]!r}"
    for body in site.drawn.values():
        assert len(body) == WIDTH * HEIGHT * 4, body[:200]
    arrays = [pixels(site.drawn[number])[..., :3] for number in range(len(sent))]
    half = len(CASES)
    return lambda name: (arrays[CASES.index(name)], arrays[half + CASES.index(name)])


@pytest.mark.parametrize("name", CASES)
def test_chromium(name, in_chromium):
    before, rgb = in_chromium(name)
    check(name, rgb, before[..., 0], 1)
