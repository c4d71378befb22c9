"""The checks of the repository find what they look for, and only that."""

import tempfile
import unittest
from pathlib import Path

import links
import rules


class Repository(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for core in rules.CORES:
            self.write(f"{core}/Cargo.toml", "[dependencies]\nbytes = '1'\n")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return Path(name)

    def breaches(self, name, text):
        return rules.breaches(self.root, [self.write(name, text)])

    def dead(self, text):
        return links.dead_links(self.root, self.write("ARCHITECTURE.md", text))

    def test_a_tidy_file_has_no_breach(self):
        self.assertEqual(self.breaches("sfu/src/worker.rs", "//! Turns.\nfn turn() {}\n"), [])

    def test_a_file_is_too_long_by_its_code_and_not_by_its_tests(self):
        tests = "#[cfg(test)]\nmod tests {\n" + "\n" * 900 + "}\n"
        self.assertEqual(self.breaches("a.rs", "//! A.\n" + "\n" * 300 + tests), [])
        self.assertIn("a.rs: 701 lines", self.breaches("a.rs", "//! A.\n" + "\n" * 700 + tests)[0])

    def test_a_module_without_a_head_or_with_an_empty_name_is_found(self):
        self.assertIn("open the module", self.breaches("a.rs", "fn a() {}\n")[0])
        self.assertIn("says nothing", self.breaches("src/utils/a.rs", "//! A.\n")[0])
        self.assertIn("says nothing", self.breaches("src/helpers.ts", "export {}\n")[0])

    def test_a_core_that_wants_to_act_is_found(self):
        self.write("sfu/core/Cargo.toml", "[dependencies]\ntokio.workspace = true\n")
        self.assertIn("tokio", rules.breaches(self.root, [])[0])

    def test_registry_hosts_and_machine_paths_are_found_in_any_text(self):
        self.assertIn("registry", self.breaches("a.md", "see registry.npmjs" + ".org\n")[0])
        self.assertIn("one machine", self.breaches("a.toml", "path = '/ro" + "ot/saal'\n")[0])
        self.assertIn("download", self.breaches("web/package-lock.json", '{"resolved": "x"}\n')[0])

    def test_links_to_what_exists_are_alive(self):
        self.write("sfu/src/worker.rs", "//! Turns.\nimpl Worker {\n    fn turn() {}\n}\n")
        self.assertEqual(
            self.dead("# Two words\n[`Worker::turn`](sfu/src/worker.rs) `sfu/src/` [up](#two-words) [x](https://a.b)\n"),
            [],
        )

    def test_links_to_what_does_not_exist_are_dead(self):
        self.write("sfu/src/worker.rs", "//! Turns, returns.\nfn returns() {}\n")
        for text in ["[a](sfu/src/socket.rs)", "[`turn`](sfu/src/worker.rs)", "`sfu/src/socket.rs`", "[a](#gone)"]:
            self.assertEqual(len(self.dead(text + "\n")), 1, text)


if __name__ == "__main__":
    unittest.main()
