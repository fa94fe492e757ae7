"""What the siege's programs share: a daemon of their own, its socket, what it takes, and how they report."""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TUNED_BIN", ROOT / "build" / "bin"))

SOURCE = """module {
  tt.func public @kernel(%x_ptr: !tt.ptr<f32>, %y_ptr: !tt.ptr<f32>, %n: i32) attributes {noinline = false} {
    %block = arith.constant ${BLOCK} : i32
    %pid = tt.get_program_id x : i32
    %start = arith.muli %pid, %block : i32
    %range = tt.make_range {end = ${BLOCK} : i32, start = 0 : i32} : tensor<${BLOCK}xi32>
    %start_tile = tt.splat %start : i32 -> tensor<${BLOCK}xi32>
    %offsets = arith.addi %start_tile, %range : tensor<${BLOCK}xi32>
    %n_tile = tt.splat %n : i32 -> tensor<${BLOCK}xi32>
    %mask = arith.cmpi slt, %offsets, %n_tile : tensor<${BLOCK}xi32>
    %x_base = tt.splat %x_ptr : !tt.ptr<f32> -> tensor<${BLOCK}x!tt.ptr<f32>>
    %x_ptrs = tt.addptr %x_base, %offsets : tensor<${BLOCK}x!tt.ptr<f32>>, tensor<${BLOCK}xi32>
    %x = tt.load %x_ptrs, %mask : tensor<${BLOCK}x!tt.ptr<f32>>
    %y_base = tt.splat %y_ptr : !tt.ptr<f32> -> tensor<${BLOCK}x!tt.ptr<f32>>
    %y_ptrs = tt.addptr %y_base, %offsets : tensor<${BLOCK}x!tt.ptr<f32>>, tensor<${BLOCK}xi32>
TAIL    tt.return
  }
}
"""

STORE = "    tt.store %y_ptrs, {}, %mask : tensor<${{BLOCK}}x!tt.ptr<f32>>\n"


def scaled(factor):
    """y = factor * x: kernels with other factors are other kernels."""
    return (f"    %factor = arith.constant dense<{float(factor)}> : tensor<${{BLOCK}}xf32>\n"
            "    %y = arith.mulf %x, %factor : tensor<${BLOCK}xf32>\n" + STORE.format("%y"))


def document(name, tail, blocks=(64, 256)):
    return {"name": name, "language": "ttir", "source_text": SOURCE.replace("TAIL", tail), "source_name": name + ".ttir",
            "entry": "kernel", "sizes": ["n"], "parameters": {"BLOCK": list(blocks)},
            "arguments": [{"name": "x", "type": "*f32", "shape": ["n"]},
                          {"name": "y", "type": "*f32", "shape": ["n"], "output": True, "fill": "zeros"},
                          {"name": "n", "type": "i32", "value": "n"}],
            "grid": ["cdiv(n, BLOCK)"], "default": {"BLOCK": blocks[0]}}


class Client:
    """One connection, opened again when the daemon has closed it."""

    def __init__(self, path, timeout=60):
        self.path, self.timeout, self.socket = path, timeout, None

    def __del__(self):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def raw(self, data):
        """Sends bytes and gives one answer: (status, body); OSError when there is none."""
        if not self.socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(self.timeout)
            self.socket.connect(self.path)
        try:
            try:
                self.socket.sendall(data)
            except BrokenPipeError:
                pass  # one that refuses may have answered before it took all, or anything
            return self._answer()
        except OSError:
            self.close()
            raise

    def _answer(self):
        got = b""
        while b"\r\n\r\n" not in got:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("closed without an answer")
            got += piece
        head, body = got.split(b"\r\n\r\n", 1)
        lines = head.decode("latin1").split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        while len(body) < int(fields.get("content-length", 0)):
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("closed in the middle of an answer")
            body += piece
        if fields.get("connection", "").lower() == "close":
            self.close()
        return int(lines[0].split()[1]), body

    def ask(self, method, target, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        status, answer = self.raw(b"%s %s HTTP/1.1\r\nHost: tuned\r\nContent-Length: %d\r\n\r\n" %
                                  (method.encode(), target.encode(), len(text)) + text)
        return status, json.loads(answer) if answer[:1] in (b"{", b"[") else answer.decode("utf8", "replace")

    def wait_job(self, id, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status, job = self.ask("GET", f"/v1/jobs/{id}")
            if status != 200 or job["state"] in ("done", "failed", "cancelled"):
                return status, job
            time.sleep(0.02)
        raise TimeoutError(f"job {id} does not end")

    def tune(self, kernel, sizes, tries=5):
        """The tuned answer, for what comes after it: on a machine that is busy enough a tuning measures nothing in its time, and is
        made again. None when it never did."""
        for _ in range(tries):
            status, job = self.ask("POST", "/v1/tune", {"kernel": kernel, "sizes": sizes, "force": True})
            if status == 202:
                job = self.wait_job(job["id"])[1]
            if job.get("answer"):
                return job["answer"]
            print(f"tuning {kernel} at {sizes}: {status} {json.dumps(job)[:600]}", file=sys.stderr)
        return None


class Ended(RuntimeError):
    """The daemon ended when it should have become ready."""

    def __init__(self, status, log):
        super().__init__(f"the daemon ended with {status}:\n{log[-2000:]}")
        # Itself, with words of its own; not by a signal.
        self.refused = status > 0 and "\ntuned: " in "\n" + log


class Daemon:
    """`inside`: the command that the daemon's own is an argument of, and that becomes it."""

    def __init__(self, options=(), configuration=None, folder=None, devices=("cpu",), inside=()):
        self.inside = list(inside)
        self.folder = folder or tempfile.mkdtemp(prefix="tuned-siege-")
        self.socket, self.cache = self.folder + "/s", self.folder + "/cache"
        self.options = list(options) + [word for device in devices for word in ("--device", device)]
        if configuration:
            with open(self.folder + "/daemon.json", "w") as file:
                json.dump(configuration, file)
            self.options += ["--config", self.folder + "/daemon.json"]
        self.process = None

    def start(self, ready=60):
        """Seconds until it answers that it is ready."""
        begin = time.monotonic()
        log = open(self.folder + "/log", "ab")
        begun = log.tell()
        self.process = subprocess.Popen([*self.inside, BIN / "tuned", "--socket", self.socket, "--cache", self.cache,
                                         *self.options], stderr=log, stdout=log, start_new_session=True)
        log.close()
        while time.monotonic() - begin < ready:
            try:
                if Client(self.socket, 5).ask("GET", "/readyz")[0] == 200:
                    return time.monotonic() - begin
            except OSError:
                pass
            if self.process.poll() is not None:
                raise Ended(self.process.returncode, self.log(begun))
            time.sleep(0.005)
        raise TimeoutError("the daemon is not ready:\n" + self.log()[-2000:])

    def client(self, timeout=60):
        return Client(self.socket, timeout)

    def workers(self):
        """Process ids of its children."""
        out = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                state, parent = stat[stat.rindex(")") + 2:].split()[:2]
                if int(parent) == self.process.pid and state != "Z":
                    out.append(int(entry.name))
        return out

    def takes(self):
        """What the daemon takes now: resident KiB, descriptors, threads."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        field = lambda name: int(status[status.index(name) + len(name):].split()[0])
        return {"rss": field("VmRSS:"), "descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")),
                "threads": field("Threads:")}

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(30)

    def alive(self):
        return self.process.poll() is None

    def log(self, begun=0):
        return pathlib.Path(self.folder + "/log").read_bytes()[begun:].decode(errors="replace")

    def remove(self):
        if self.process and self.alive():
            self.process.kill()
            self.process.wait()
        log = self.log() if os.path.exists(self.folder + "/log") else ""
        if report := re.search(r"^.*(Sanitizer:|runtime error:)", log, re.MULTILINE):  # scripts/sanitize looks for it
            print("in a log:\n" + log[report.start():][:8000], file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)


def metric(client, name):
    page = client.ask("GET", "/metrics")[1]
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.split(" ")[0].split("{")[0] == name)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Report:
    """Counts what must hold; prints how far it got every few seconds, one line at the end, and gives the exit status."""

    def __init__(self, name):
        self.name, self.failures, self.figures, self.start = name, [], {}, time.monotonic()
        self.done, self.wanted, self.said = 0, 0, self.start
        self.lock = threading.Lock()

    def rounds(self, options, count, what="rounds"):
        """Numbers of rounds: `count`, but none that would begin after --limit seconds."""
        self.wanted = max(self.wanted, count)
        for number in range(count):
            if time.monotonic() - self.start > options.limit:
                return
            yield number
            self.one_done(what)

    def one_done(self, what="rounds"):
        with self.lock:
            self.done += 1
            if time.monotonic() - self.said > 5:
                self.said = time.monotonic()
                print(f"{self.name}: {self.done} of {self.wanted} {what}, {len(self.failures)} failures, {self.said - self.start:.0f} s",
                      file=sys.stderr, flush=True)

    def check(self, holds, what):
        if not holds:
            self.failures.append(what)
            if len(self.failures) <= 20:
                print(f"{self.name}: {what}", file=sys.stderr)
        return holds

    def timed(self, options, holds, what):
        """The same for what a busy machine may break: it counts at length only (--timed), not in tests."""
        if options.timed:
            self.check(holds, what)

    def end(self):
        figures = ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                            for key, value in self.figures.items())
        far = f" as far as it got, {self.done} of {self.wanted}" if self.done < self.wanted else ""
        print(f"{self.name}: {'held' if not self.failures else f'{len(self.failures)} FAILURES'}{far}; {figures}; "
              f"{time.monotonic() - self.start:.0f} s", flush=True)
        return 1 if self.failures else 0


def arguments(description, **numbers):
    """Options with numbers as defaults, --seed, --timed (figures count, too) and --limit (no round begins after so many seconds)."""
    parser = argparse.ArgumentParser(description=description)
    for name, value in numbers.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds")
    out = parser.parse_args()
    print(f"{parser.prog}: seed {out.seed}", file=sys.stderr)
    return out
