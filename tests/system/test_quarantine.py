"""What could not be read is kept, and read once the mapping has been mended."""
import json

from harness import Case, Node, free_port, push, wait_for

BROKEN = """vendor: acme
product: door
title: Door log of the test
confidence: assumed
source: made for this test
inputs:
  - name: json
    format: json
    detect: {keys: [door, user], priority: 45}
types:
  - name: opened
    class: entity_management
    fields:
      time: [time]
      activity_id: {value: Read}
      severity_id: {value: Informational}
      entity.name: [door]
      actor.user.name: [user]
"""
MENDED = BROKEN.replace("types:", """  - name: kv
    format: text
    detect: {contains: ["door="], priority: 45}
    decode: kv
types:""")

class Quarantine(Case):

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.mapping = self.write("mappings/acme/door/mapping.yaml", BROKEN)
        self.node = Node(self, connectors=[{"name": "push", "kind": "http", "port": self.port, "vendor": "acme", "product": "door"}],
                         content={"mappings": [self.path("mappings")]}).start()

    def kept(self):
        return self.node.shell("quarantine --last 100", check=True)

    def test_records_leave_the_quarantine_when_the_mended_mapping_reads_them(self):
        lines = [f"time=2026-11-24T03:34:{n:02d}Z door=7 user=eve{n}".encode() for n in range(20)]
        self.assertEqual(200, push(self.port, lines))
        wait_for("the records in quarantine", lambda: len(self.kept()) == 20, 30, 0.2)
        again = self.node.shell("quarantine replay", check=True)
        self.assertEqual((20, 20), (again[0]["replayed"], again[0]["kept now"]), "unread again: kept again")
        before = self.node.metric("soc_events_total")
        self.write("mappings/acme/door/mapping.yaml", MENDED)
        self.node.shell("reload", check=True)
        again = self.node.shell("quarantine replay --connector push", check=True)
        self.assertEqual((20, 0), (again[0]["replayed"], again[0]["kept now"]), json.dumps(self.kept()))
        self.assertEqual(20, self.node.metric("soc_events_total") - before)

    def test_the_command_line_lists_and_replays_too(self):
        self.assertEqual(200, push(self.port, [b"door=1 user=a"]))
        wait_for("the record in quarantine", lambda: len(self.kept()) == 1, 30, 0.2)
        code, out, err = self.soc("quarantine", "list", "--config", self.node.config_file)
        self.assertEqual(0, code, err)
        self.assertIn("door=1", out)
        code, out, err = self.soc("quarantine", "replay", "--config", self.node.config_file, "-o", "json")
        self.assertEqual(0, code, err)
        self.assertIn("push", json.dumps(self.kept()))
