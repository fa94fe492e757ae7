#!/usr/bin/env python3
"""What a client, a user or an operator can do wrong to the service: an answer that says so, and the daemon goes on.

Run by ctest against the real programs; as root it also plays other users.
"""

import grp
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "siege"))
from siege import BIN, Client, Daemon, document, scaled  # noqa: E402

AS_ROOT = os.geteuid() == 0


def run(*arguments, environment=None, **settings):
    return subprocess.run([BIN / "tuned", *arguments], capture_output=True, text=True, timeout=60, env=environment, **settings)


def begin_as_user(uid, work, gid=65534):
    """Has a process of another user call `work`; calling what is returned waits for what that gives."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        try:
            out = json.dumps(work())
        except Exception as error:  # whatever it is belongs to the parent's report
            out = json.dumps(repr(error))
        os.write(send, out.encode())
        os._exit(0)
    os.close(send)

    def end():
        with os.fdopen(receive) as file:
            text = file.read()
        os.waitpid(child, 0)
        return json.loads(text)

    return end


def as_user(uid, work, gid=65534):
    """What `work` gives, called by a process of another user."""
    return begin_as_user(uid, work, gid)()


class Service(unittest.TestCase):
    configuration = {}

    def setUp(self):
        self.daemon = Daemon(["--measure-seconds", "20"], self.configuration)
        self.addCleanup(self.daemon.remove)
        self.daemon.start()
        self.client = self.daemon.client()

    def goes_on(self):
        self.assertTrue(self.daemon.alive(), self.daemon.log()[-2000:])
        self.assertEqual(self.daemon.client().ask("GET", "/healthz")[0], 200)

    def tuned(self, name, factor, n=1000):
        kernel = self.client.ask("POST", "/v1/kernels", document(name, scaled(factor)))[1]
        job = self.client.ask("POST", "/v1/tune", {"kernel": kernel["id"], "sizes": {"n": n}})[1]
        job = self.client.wait_job(job["id"])[1]
        self.assertEqual(job["state"], "done", job)
        return kernel["id"]


class Documents(Service):
    def test_twenty_thousand_parameters_are_refused_and_nothing_is_kept_of_them(self):
        self.tuned("k", 3)
        many = document("k", scaled(3)) | {"parameters": {f"P{i}": [1] for i in range(20_000)}}
        many.pop("default")
        for target, body in (("/v1/kernels", many), ("/v1/tune", {"document": many, "sizes": {"n": 5}})):
            status, answer = self.client.ask("POST", target, body)
            self.assertEqual(status, 400, answer)
            self.assertIn("the limit is 64", answer["detail"])
        self.daemon.kill()
        self.daemon.start()
        self.goes_on()

    def test_deep_nesting_is_refused(self):
        for text in (b'{"document":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b'},"sizes":{}}', b"[" * 100_000):
            for target in (b"/v1/best", b"/v1/tune", b"/v1/kernels"):
                status, answer = self.client.raw(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (target, len(text)) + text)
                self.assertEqual(status, 400)
                self.assertIn(b"nests deeper", answer)
        self.goes_on()

    def test_a_space_without_end_is_sampled_in_bounded_memory_and_time(self):
        huge = document("huge", scaled(9))
        huge["parameters"] |= {f"P{i}": list(range(100)) for i in range(40)}
        huge["default"] |= {f"P{i}": 0 for i in range(40)}
        status, job = self.client.ask("POST", "/v1/tune", {"document": huge, "sizes": {"n": 100}, "budget": {"trials": 1, "seconds": 5}})
        self.assertEqual(status, 202, job)
        self.assertLess(self.daemon.takes()["rss"], 400 * 1024)
        self.client.wait_job(job["id"])
        self.assertEqual(self.daemon.kill(signal.SIGTERM), 0)  # waits 30 s at most

    def test_large_sources_do_not_stay(self):
        before = self.daemon.takes()["rss"]
        for i in range(20):
            text = document(f"large{i}", scaled(i + 1))
            text["source_text"] += "// " + "x" * 3_000_000 + "\n"
            self.assertEqual(self.client.ask("POST", "/v1/kernels", text)[0], 201)
        self.assertLess(self.daemon.takes()["rss"] - before, 96 * 1024)

    def test_buffers_beyond_the_memory_are_refused(self):
        rows = document("m", scaled(2))
        for argument in rows["arguments"][:2]:
            argument["shape"] = ["n", "4096"]  # n itself stays within 32 bits, however much memory there is
        kernel = self.client.ask("POST", "/v1/kernels", rows)[1]["id"]
        with open("/proc/meminfo") as file:
            total = int(file.readline().split()[1]) * 1024
        status, answer = self.client.ask("POST", "/v1/tune", {"kernel": kernel, "sizes": {"n": total // 16 // 4096}})  # half of it
        self.assertEqual((status, answer.get("kind")), (507, "out_of_resources"), answer)


class Http(Service):
    configuration = {"connections": 32, "request_seconds": 2}

    def test_numbers_beyond_range(self):
        for number in (b"1e999", b"-1e999", b"99999999999999999999999"):
            text = b'{"kernel":"k","sizes":{"n":' + number + b"}}"
            self.assertEqual(self.client.raw(b"POST /v1/best HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(text) + text)[0], 400)

    def test_unknown_encodings_are_answered_once_and_the_connection_closes(self):
        raw = socket.socket(socket.AF_UNIX)
        self.addCleanup(raw.close)
        raw.settimeout(10)
        raw.connect(self.daemon.socket)
        raw.sendall(b"POST /v1/best HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
        got = b""
        try:
            while piece := raw.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
        self.assertTrue(got.startswith(b"HTTP/1.1 501"), got)
        self.assertEqual(got.count(b"HTTP/1.1"), 1, got)

    def test_idle_connections_give_way(self):
        for _ in range(200):
            one = socket.socket(socket.AF_UNIX)
            one.connect(self.daemon.socket)
            self.addCleanup(one.close)
        for _ in range(20):
            self.assertEqual(self.daemon.client().ask("GET", "/healthz")[0], 200)

    def test_slow_senders_shut_nobody_out(self):
        for _ in range(100):
            one = socket.socket(socket.AF_UNIX)
            one.connect(self.daemon.socket)
            one.send(b"POST /v1/best HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")
            self.addCleanup(one.close)
        for _ in range(20):
            self.assertEqual(self.daemon.client().ask("GET", "/healthz")[0], 200)


class Workers(Service):
    def test_workers_have_no_rights_and_nothing_of_the_daemons(self):
        self.tuned("k", 4)
        workers = self.daemon.workers()
        self.assertTrue(workers)
        for worker in workers:
            status = pathlib.Path(f"/proc/{worker}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.assertEqual(fields["NoNewPrivs"], "1")
            self.assertEqual(fields["Seccomp"], "2")
            self.assertEqual(int(fields["CapEff"], 16), 0)
            if AS_ROOT:
                self.assertEqual(fields["Uid"].split()[0], "65534")
                self.assertNotIn(b"SHELL=", pathlib.Path(f"/proc/{worker}/environ").read_bytes())
                sockets = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
                self.assertLessEqual(sum(name.startswith("socket:") for name in sockets), 1, sockets)

    def test_a_worker_ended_from_outside_is_no_verdict(self):
        self.tuned("k", 5)
        for number in (signal.SIGTERM, signal.SIGINT):
            for worker in self.daemon.workers():
                os.kill(worker, number)
            self.tuned("other", 100 + number)
        self.assertNotIn("faulted", json.dumps(self.client.ask("GET", "/v1/trials")[1]))


class Lists(Service):
    configuration = {"kernels_per_user": 5, "kernel_bytes_per_user": 1 << 20}

    def pages(self, target, rows, limit=2):
        """The rows of all pages, and how many pages there were."""
        out, count, after = [], 0, ""
        while True:
            status, page = self.client.ask("GET", f"{target}?limit={limit}" + (f"&after={after}" if after else ""))
            self.assertEqual(status, 200, page)
            self.assertLessEqual(len(page[rows]), limit)
            out += page[rows]
            count += 1
            after = page.get("next", "")
            if not after:
                return out, count

    def test_lists_come_in_pages(self):
        for number in range(3):
            self.tuned(f"k{number}", 20 + number)
        self.tuned("k0", 20, n=77)
        kernels, pages = self.pages("/v1/kernels", "kernels")
        self.assertEqual(([each["name"] for each in kernels], pages), (["k0", "k1", "k2"], 2))
        winners, pages = self.pages("/v1/winners", "winners")
        self.assertEqual((len(winners), pages), (4, 2))
        self.assertEqual(len({(each["kernel"], each["sizes"]["n"]) for each in winners}), 4)
        whole = self.client.ask("GET", "/v1/trials")[1]["trials"]
        self.assertEqual(self.pages("/v1/trials", "trials", 3)[0], whole)
        self.assertGreaterEqual(len(whole), 8)
        for target in ("/v1/kernels?after=x", "/v1/winners?after=1", "/v1/trials?after=-1"):
            self.assertEqual(self.client.ask("GET", target)[0], 400, target)

    def test_a_user_keeps_so_many_kernels_and_so_much_of_them(self):
        submit = lambda name, factor, more="": self.client.ask("POST", "/v1/kernels", document(name, scaled(factor) + more))
        for number in range(5):
            self.assertEqual(submit(f"k{number}", number)[0], 201)
        status, answer = submit("k5", 5)
        self.assertEqual((status, "kernels_per_user" in answer["remedy"]), (507, True), answer)
        self.assertEqual(submit("k4", 4)[0], 201)  # it is known
        status, answer = submit("k4", 4, "    // " + "x" * (1 << 20) + "\n")
        self.assertEqual((status, "kernel_bytes_per_user" in answer["remedy"]), (507, True), answer)
        self.assertEqual(self.client.ask("POST", "/v1/forget", {"kernel": "k0"})[0], 200)
        self.assertEqual(submit("k5", 5)[0], 201)
        self.goes_on()


class Quotas(Service):
    configuration = {"jobs_per_user": 3, "group": "*"}

    def setUp(self):
        super().setUp()
        os.chmod(self.daemon.folder, 0o755)

    def ask_for(self, count):
        """Asks for so many tunings; the answers."""
        out = []
        for i in range(count):
            text = document(f"q{i}", scaled(50 + i), (16, 32, 64, 128, 256, 512, 1024))
            kernel = self.client.ask("POST", "/v1/kernels", text)[1]["id"]
            out.append(self.client.ask("POST", "/v1/tune", {"kernel": kernel, "sizes": {"n": 3_000_000}}))
        return out

    def test_one_user_has_so_many_tunings_and_no_more(self):
        self.client.ask("POST", "/v1/pause")  # none of them ends
        answers = self.ask_for(5)
        self.assertEqual([status for status, _ in answers[:3]], [202] * 3)
        refused = answers[4][1]
        self.assertEqual(answers[4][0], 507, refused)
        self.assertIn("jobs_per_user", refused["remedy"])

    @unittest.skipUnless(AS_ROOT, "needs root to play another user")
    def test_who_asks_may_not_submit_and_does_not_wait_behind_anothers_queue(self):
        kernel = self.tuned("k", 6)
        path = self.daemon.socket
        self.client.ask("POST", "/v1/pause")  # none of them ends before the other one's is there
        first = self.ask_for(3)
        self.assertEqual([status for status, _ in first], [202] * 3, first)

        def other():
            client = Client(path, 60)
            text = document("x", scaled(8))
            submitted = client.ask("POST", "/v1/kernels", text)
            tuned = client.ask("POST", "/v1/tune", {"document": text, "sizes": {"n": 5}})
            hit = client.ask("POST", "/v1/best", {"kernel": kernel, "sizes": {"n": 1000}})
            job = client.ask("POST", "/v1/tune", {"kernel": kernel, "sizes": {"n": 77}})
            cancelled = client.ask("DELETE", f"/v1/jobs/{first[-1][1]['id']}")
            return submitted, tuned, hit, job, cancelled

        answers = as_user(12345, other)
        self.assertIsInstance(answers, list, answers)
        submitted, tuned, hit, job, cancelled = answers
        self.assertEqual(submitted[0], 403, submitted)
        self.assertEqual(tuned[0], 403, tuned)
        self.assertEqual(hit[0], 200, hit)
        self.assertEqual(job[0], 202, job)
        self.assertEqual(cancelled[0], 403, cancelled)
        self.client.ask("POST", "/v1/resume")
        for _, each in [job, *first]:
            ended = self.client.wait_job(each["id"])[1]
            self.assertEqual(ended["state"], "done", ended)
        # At most the one that ran already came before it.
        trials = reversed(self.client.ask("GET", "/v1/trials")[1]["trials"])  # from the oldest on
        order = list(dict.fromkeys((each["kernel"], each["sizes"]["n"]) for each in trials))
        self.assertEqual(len(order), 5, order)
        self.assertLess(order.index((kernel, 77)), 3, order)


class Pausing(Service):
    configuration = {"group": "*"}

    def tunectl(self, *words):
        ended = subprocess.run([BIN / "tunectl", "--socket", self.daemon.socket, "--json", *words], capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, 0, ended)
        return json.loads(ended.stdout)

    def test_tunings_wait_until_they_may_go_on_and_top_says_so(self):
        self.tuned("known", 3)
        self.assertTrue(self.tunectl("pause")["paused"])
        kernel = self.client.ask("POST", "/v1/kernels", document("k", scaled(4)))[1]
        job = self.client.ask("POST", "/v1/tune", {"kernel": kernel["id"], "sizes": {"n": 1000}})[1]
        while job.get("phase") != "paused":
            self.assertIn(job["state"], ("queued", "running"))
            job = self.client.ask("GET", f"/v1/jobs/{job['id']}")[1]
            time.sleep(0.02)
        seen = self.tunectl("top", "--times", "1")
        self.assertTrue(seen["status"]["paused"])
        self.assertIn("paused", [each.get("phase") for each in seen["jobs"]["jobs"]])
        self.assertEqual(self.client.ask("POST", "/v1/best", {"kernel": "known", "sizes": {"n": 1000}})[1]["source"], "cache")
        self.assertFalse(self.tunectl("resume")["paused"])
        self.assertEqual(self.client.wait_job(job["id"])[1]["state"], "done")

    @unittest.skipUnless(AS_ROOT, "needs root to play another user")
    def test_who_may_only_ask_changes_nothing_for_others(self):
        kernel = self.tuned("known", 3)
        os.chmod(self.daemon.folder, 0o755)
        path = self.daemon.socket
        asked = [
            ("POST", "/v1/pause", None),
            ("POST", "/v1/resume", None),
            ("POST", "/v1/verify", None),
            ("POST", "/v1/collect", {"max_age_seconds": 0}),
            ("POST", "/v1/forget", {"kernel": kernel}),
            ("POST", "/v1/bundle", {}),
            ("GET", "/v1/bundle", None),
            ("POST", "/v1/kernels", document("other", scaled(4))),
            ("POST", "/v1/builds", {}),
            ("PUT", "/v1/entries/a/b", {}),
        ]
        answers = as_user(12345, lambda: [[*each[:2], Client(path).ask(*each)[0]] for each in asked])
        self.assertEqual(answers, [[*each[:2], 403] for each in asked])
        self.assertFalse(self.client.ask("GET", "/v1/status")[1]["paused"])
        self.assertEqual(self.client.ask("POST", "/v1/best", {"kernel": "known", "sizes": {"n": 1000}})[1]["source"], "cache")


def exports(path, count):
    """Status and digest of each of so many exports that are asked for at once."""
    def one(_):
        status, answer = Client(path).raw(b"GET /v1/bundle HTTP/1.1\r\n\r\n")
        return status, hashlib.sha256(answer).hexdigest(), answer[:200].decode("latin1")
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@unittest.skipUnless(AS_ROOT, "needs root to play another user")
class Exports(Service):
    configuration = {"group": "*", "submit_group": "nogroup", "connections": 200}

    def test_of_two_users_at_once_each_is_whole_and_who_asks_for_many_holds_up_nobody(self):
        os.chmod(self.daemon.folder, 0o755)
        for number in range(3):
            self.tuned(f"k{number}", 60 + number)
        path = self.daemon.socket
        alone = as_user(12346, lambda: exports(path, 1))
        self.assertEqual(alone[0][0], 200, alone)
        many = begin_as_user(12345, lambda: exports(path, 48))
        for _ in range(5):
            few = as_user(12346, lambda: exports(path, 2))
            self.assertEqual([each[0] for each in few], [200, 200], few)
            self.assertEqual({each[1] for each in few}, {alone[0][1]})
        many = many()
        self.assertIsInstance(many, list, many)
        whole = [each for each in many if each[0] == 200]
        self.assertGreaterEqual(len(whole), 16, many)
        self.assertEqual({each[1] for each in whole}, {alone[0][1]})
        for status, _, begins in many:
            if status != 200:
                self.assertEqual((status, "this user's requests wait" in begins), (503, True), begins)
        self.goes_on()


@unittest.skipUnless(AS_ROOT, "needs root to play another user")
class Strangers(Service):
    def test_without_a_group_only_the_daemons_user_and_root_are_served(self):
        os.chmod(self.daemon.folder, 0o755)
        path = self.daemon.socket
        self.assertIn("PermissionError", as_user(12345, lambda: Client(path).ask("GET", "/healthz")))
        os.chmod(path, 0o666)  # whoever gets past the file's mode is still looked at
        # The daemon does not read what they ask: one that is still writing may see only that it closed.
        for _ in range(20):
            answer = as_user(12345, lambda: Client(path).ask("GET", "/healthz"))
            if "BrokenPipe" not in answer and "ConnectionReset" not in answer:
                break
        self.assertEqual(answer[0], 403)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tuned-files-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def refused(self, *arguments, **settings):
        ended = run(*arguments, **settings)
        self.assertNotEqual(ended.returncode, 0, ended.stderr)
        self.assertGreaterEqual(ended.returncode, 0, ended.stderr)
        return ended

    def wait_for(self, daemon, words):
        end = time.monotonic() + 60
        while words not in daemon.log():
            self.assertLess(time.monotonic(), end, daemon.log()[-2000:])
            time.sleep(0.02)

    def test_links_are_not_followed(self):
        victim = self.folder + "/victim"
        for name in ("s.lock", "cache/lock", "cache/tuned.db", "cache/tuned.db-wal"):
            pathlib.Path(victim).write_text("precious")
            os.makedirs(self.folder + "/cache", mode=0o700, exist_ok=True)
            pathlib.Path(f"{self.folder}/{name}").unlink(missing_ok=True)  # a daemon that was refused later made one
            os.symlink(victim, f"{self.folder}/{name}")
            ended = self.refused("--socket", self.folder + "/s", "--cache", self.folder + "/cache")
            self.assertIn("symbolic link", ended.stderr)
            self.assertEqual(pathlib.Path(victim).read_text(), "precious")
            os.unlink(f"{self.folder}/{name}")

    def test_a_cache_that_others_may_write_is_refused_with_the_remedy(self):
        os.makedirs(self.folder + "/cache")
        os.chmod(self.folder + "/cache", 0o777)
        ended = self.refused("--socket", self.folder + "/s", "--cache", self.folder + "/cache")
        self.assertIn("chmod go-w", ended.stderr)
        if AS_ROOT:
            os.chmod(self.folder + "/cache", 0o700)
            os.chown(self.folder + "/cache", 12345, 12345)
            self.assertIn("user 12345", self.refused("--socket", self.folder + "/s", "--cache", self.folder + "/cache").stderr)

    def test_a_cache_on_a_network_file_system_is_refused_with_the_remedy(self):
        pretended = os.environ.get("TUNED_PRETEND_NFS")
        if not pretended:
            self.skipTest("TUNED_PRETEND_NFS names no library")
        ended = self.refused("--socket", self.folder + "/s", "--cache", self.folder + "/cache",
                             environment={**os.environ, "LD_PRELOAD": pretended})
        for said in ("network file system (NFS)", self.folder + "/cache", "--cache"):
            self.assertIn(said, ended.stderr)
        self.assertFalse(os.path.exists(self.folder + "/cache/tuned.db"))

    @unittest.skipUnless(AS_ROOT, "needs root to play another user")
    def test_another_users_leftovers_are_refused_by_name_and_left_as_they_are(self):
        for name in ("s.lock", "cache/lock", "cache/tuned.db", "cache/tuned.db-wal"):
            folder = tempfile.mkdtemp(prefix="tuned-leftovers-")
            self.addCleanup(shutil.rmtree, folder)
            os.makedirs(folder + "/cache", mode=0o700)
            pathlib.Path(f"{folder}/{name}").write_text("theirs")
            os.chown(f"{folder}/{name}", 12345, 12345)
            ended = self.refused("--socket", folder + "/s", "--cache", folder + "/cache")
            self.assertIn(f"{folder}/{name}", ended.stderr)
            self.assertIn("12345", ended.stderr)
            self.assertEqual(pathlib.Path(f"{folder}/{name}").read_text(), "theirs")

    def test_the_umask_does_not_matter(self):
        for mask in (0o000, 0o077):
            old = os.umask(mask)
            daemon = Daemon(folder=tempfile.mkdtemp(prefix="tuned-umask-"))
            os.umask(old)
            self.addCleanup(daemon.remove)
            daemon.cache = daemon.folder + "/deep/cache"
            old = os.umask(mask)
            daemon.start()
            os.umask(old)
            for path in (daemon.folder + "/deep", daemon.cache, daemon.cache + "/tuned.db", daemon.socket):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)

    def test_an_unknown_group_leaves_nothing_behind(self):
        ended = self.refused("--socket", self.folder + "/s", "--cache", self.folder + "/cache", "--group", "no-such-group")
        self.assertEqual(ended.returncode, 78)
        self.assertIn("no-such-group", ended.stderr)
        self.assertFalse(os.path.exists(self.folder + "/s"))

    def test_limits_that_are_none(self):
        for option, value in (("--measure-seconds", "inf"), ("--compile-seconds", "-1"), ("--tune-seconds", "nan"), ("--connections", "0"),
                              ("--jobs", "1e9"), ("--request-bytes", "-5"), ("--log-level", "loud")):
            ended = run(option, value, "--check-config")
            self.assertEqual(ended.returncode, 78, (option, value, ended))

    def test_check_config(self):
        path = self.folder + "/c.json"
        for text, code, said in (('{"jobs": 5}', 0, "is sound"), ('{"jobz": 5}', 78, "jobz"), ('{"jobs": 1.5}', 78, "integer"), ('{"jobs": 1e999}', 78, "JSON"),
                                 ("[" * 1000, 78, "nests deeper"), ('{"socket": "' + "x" * 200 + '"}', 78, "200 bytes")):
            pathlib.Path(path).write_text(text)
            ended = run("--config", path, "--check-config")
            self.assertEqual(ended.returncode, code, (text[:40], ended))
            self.assertIn(said, ended.stdout + ended.stderr)
        shipped = pathlib.Path(__file__).resolve().parents[2] / "configs"
        self.assertEqual(run("--config", shipped / "daemon.json", "--check-config").returncode, 0)
        schema = json.loads(run("--config-schema").stdout)
        self.assertIn("submit_group", schema["properties"])

    def test_a_socket_path_too_long_names_path_and_variable(self):
        long = "/tmp/" + "x" * 120
        ended = run("--check-config", environment={"GPU_TUNED_SOCKET": long, "HOME": "/root"})
        self.assertEqual(ended.returncode, 78)
        for said in (long, "GPU_TUNED_SOCKET", "--socket"):
            self.assertIn(said, ended.stderr)
        ended = run("--check-config", environment={"XDG_RUNTIME_DIR": long, "HOME": "/root"})
        self.assertIn("XDG_RUNTIME_DIR", ended.stderr)

    @unittest.skipUnless(AS_ROOT, "needs root to play another user")
    def test_no_home_and_no_variables(self):
        ended = run("--check-config", environment={}, user=12345)
        self.assertEqual(ended.returncode, 78, ended)
        self.assertIn("--cache", ended.stderr)

    def test_a_configuration_is_read_again_on_sighup(self):
        daemon = Daemon(configuration={"request_bytes": 4096})
        self.addCleanup(daemon.remove)
        daemon.start()
        large = document("k", scaled(2) + "    // " + "x" * 8000 + "\n")
        self.assertEqual(daemon.client().ask("POST", "/v1/kernels", large)[0], 413)
        pathlib.Path(daemon.folder + "/daemon.json").write_text('{"request_bytes": 65536}')
        daemon.process.send_signal(signal.SIGHUP)
        self.wait_for(daemon, "read again")
        self.assertEqual(daemon.client().ask("POST", "/v1/kernels", large)[0], 201)
        pathlib.Path(daemon.folder + "/daemon.json").write_text("nonsense")
        daemon.process.send_signal(signal.SIGHUP)
        self.wait_for(daemon, "stays as it was")
        self.assertEqual(daemon.client().ask("POST", "/v1/kernels", large)[0], 201)

    def test_an_idle_daemon_goes_when_asked_and_one_in_use_does_not(self):
        daemon = Daemon(["--exit-idle-seconds", "4"])
        self.addCleanup(daemon.remove)
        daemon.start()
        client = daemon.client()
        for _ in range(2):  # a connection is a use, whatever comes by it
            self.assertEqual(client.ask("GET", "/healthz")[0], 200)
            time.sleep(4.5)
        client.close()
        self.assertEqual(daemon.process.wait(60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
