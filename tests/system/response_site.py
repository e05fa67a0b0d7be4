"""A node whose rules, playbooks and components are a test's own, for the tests of response."""
import json
import os
import shutil

from harness import ROOT, Firewall, Node, free_port


class ResponseSite:
    """Attack lines pushed by HTTP become incidents; for each source address the rule begins a run of `playbook`."""

    def __init__(self, case, playbook, instances, mode="automatic", components=None, name="node-a", inputs=None, for_each=True, nats=None):
        self.case, self.port = case, free_port()
        folder = case.path(name + "-content")
        for part in ("response", "playbooks", "resources", "components"):
            os.makedirs(os.path.join(folder, part))
        shutil.copytree(os.path.join(ROOT, "connectors", "targets"), os.path.join(folder, "components"), dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("*.cpp", "*.hpp"))
        for component, text in (components or {}).items():
            self.put(folder, f"components/{component}/component.yaml", text)
        rule = {"id": "trial", "title": "Trial", "when": {"incident": {"incident.scenario": "web_intrusion"}, "condition": "incident"},
                "mode": mode, "playbook": playbook["name"], "inputs": inputs or {}}
        if for_each:
            rule["for_each"] = {"source": {"type": "ip", "role": "source"}, "condition": "source"}
            rule["inputs"] = {"ip": "${entity.ip}", **(inputs or {})}
        self.put(folder, "response/rules.yaml", json.dumps({"rules": [rule]}))
        self.put(folder, f"playbooks/{playbook['name']}/playbook.yaml", json.dumps(playbook))
        self.put(folder, "resources/instances.yaml", json.dumps({"instances": instances}))
        content = {part: os.path.join(folder, part) for part in ("response", "playbooks", "resources", "components")}
        self.node = Node(case, name, connectors=[{"name": "push", "kind": "http", "port": self.port}], content=content, nats=nats)

    def put(self, folder, name, text):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def runs(self):
        return self.node.shell("runs --last 10000") or []


__all__ = ["ResponseSite", "Firewall"]
