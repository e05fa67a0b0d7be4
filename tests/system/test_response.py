"""Runs of a playbook of six steps under kill -9: of the node, and of nats-server, at random moments. Afterwards every run has ended, no step
was left out, and nothing was done twice; at a target that can't tell a repeated call, every doubt is parked as unknown.
SOC_TEST_KILLS: how many (4; 1000 for the whole proof)."""
import collections
import json
import os
import random
import signal
import time

from bus import Connection
from harness import Case, Firewall, Node, attack_line, push, shared_nats, wait_for
from response_site import ResponseSite

KILLS = int(os.environ.get("SOC_TEST_KILLS", "4"))

SIX_STEPS = {
    "name": "six_steps", "trigger": "incident", "inputs": {"incident": {"type": "object"}, "ip": {"type": "ip"}},
    "steps": [
        {"id": "plan", "transform": {"jq": "{first: .inputs.ip, tail: (.inputs.ip | split(\".\")[2:] | join(\".\"))}"}},
        {"id": "first", "action": "block_ip", "target": "${inputs.ip}", "for": "1h"},
        {"id": "ready", "condition": [{"when": {"steps.first.status": "done"}, "next": "second"}, {"else": "end"}]},
        {"id": "second", "action": "block_ip", "target": "198.18.${steps.plan.output.tail}", "for": "1h"},
        {"id": "third", "action": "block_ip", "target": "198.19.${steps.plan.output.tail}", "for": "1h"},
        {"id": "result", "set_output": {"blocked": "${inputs.ip}"}},
    ]}

FORGETFUL = """
name: forgetful
title: A firewall that can't tell a repeated call, and can't be read
kind: firewall
auth: {type: bearer, secret: token}
actions:
  block_ip:
    effect: reversible
    inverse: unblock_ip
    fits: [ip]
    target: ip
    parameters: {ip: {type: network, required: true}, duration: {type: duration}, comment: {type: text}}
    idempotency: none
    expiry: target
    timeout: 5s
    request: {method: POST, path: /v1/blocks, body: {ip: "${params.ip}", ttl_seconds: "${params.duration | default 0}"}}
  unblock_ip:
    effect: reversible
    inverse: block_ip
    fits: [ip]
    target: ip
    parameters: {ip: {type: network, required: true}}
    idempotency: natural
    request: {method: DELETE, path: "/v1/blocks/${params.ip}", missing: {status: 404}}
"""


class Durable(Case):
    def setUp(self):
        super().setUp()
        self.firewall = Firewall(self)
        self.dice = random.Random(int(os.environ.get("SOC_TEST_SEED", "1")))

    def crash(self, site):
        node = site.node
        if self.dice.random() < 0.6:
            server = node.nats_server()
            node.kill()
            deadline = time.monotonic() + 5
            while server and os.path.exists(f"/proc/{server}") and time.monotonic() < deadline:
                time.sleep(0.02)
            node.start()
            return "node"
        pid = wait_for("the node's nats-server", node.nats_server, 20)
        os.kill(pid, signal.SIGKILL)
        self.remember(wait_for("a new nats-server", lambda: node.nats_server() not in (None, pid) and node.nats_server(), 30))
        wait_for("the node to be ready again", lambda: node.http("/readyz")[0] == 200, 30)
        return "nats-server"

    def feed(self, site, number):
        address = f"203.0.{113 + number // 250}.{1 + number % 250}"
        deadline = time.monotonic() + 60
        while push(site.port, [attack_line(address, number * 10 + n) for n in range(3)]) != 200:
            self.assertLess(time.monotonic(), deadline, "lines are not accepted")
            time.sleep(0.1)
        return address

    def under_fire(self, site):
        site.node.start()
        addresses, killed = [], collections.Counter()
        for number in range(KILLS):
            addresses.append(self.feed(site, number))
            time.sleep(self.dice.uniform(0.0, 1.2))
            killed[self.crash(site)] += 1
        print(f"   killed: {dict(killed)}, {len(addresses)} runs asked for", flush=True)
        return set(addresses)

    def ended(self, site, count, states):
        def all_ended():
            runs = site.runs()
            return len(runs) >= count and all(run["status"] in states for run in runs) and runs
        try:
            return wait_for("all runs to end", all_ended, 120, 1)
        except AssertionError as late:
            runs = site.runs()
            open_ones = [run for run in runs if run["status"] not in states]
            raise AssertionError(f"{late}: {len(runs)} of {count} runs are there, {len(open_ones)} not {states}: {open_ones[:5]}") from None

    def test_no_run_is_lost_no_step_left_out_and_nothing_done_twice(self):
        site = ResponseSite(self, SIX_STEPS, [self.firewall.instance()])
        addresses = self.under_fire(site)
        runs = self.ended(site, len(addresses), ("completed",))
        self.assertEqual(addresses, {run["entity"] for run in runs}, "a run for each address, completed")
        calls = collections.Counter(call["target"] for call in self.firewall.get("/v1/calls") if call["action"] == "block")
        wanted = addresses | {f"198.{n}.{a.split('.', 2)[2]}" for a in addresses for n in (18, 19)}
        self.assertEqual(set(), wanted - set(calls), "every step was taken")
        self.assertEqual({}, {target: n for target, n in calls.items() if n > 1}, "nothing was done twice")

    def test_where_a_call_cant_be_told_from_its_repetition_doubt_is_parked(self):
        instance = dict(self.firewall.instance("old-firewall"), component="forgetful")
        site = ResponseSite(self, SIX_STEPS, [instance], components={"forgetful": FORGETFUL})
        self.under_fire(site)
        time.sleep(3)
        wait_for("nothing to be under way", lambda: all(t["status"] in ("done", "verified", "unknown", "failed") for t in site.node.tasks()), 60, 1)
        calls = collections.Counter(call["target"] for call in self.firewall.get("/v1/calls") if call["action"] == "block")
        self.assertEqual({}, {target: n for target, n in calls.items() if n > 1}, "nothing was done twice")
        unknown = [task for task in site.node.tasks() if task["status"] == "unknown"]
        done = {task["target"] for task in site.node.tasks() if task["status"] == "done"}
        self.assertLessEqual(done, set(calls), "what is done was done")
        print(f"   {len(unknown)} in doubt, {len(done)} done", flush=True)


class ByHand(Case):
    def test_a_person_runs_a_playbook_from_the_shell_again_and_a_schedule_runs_it_too(self):
        firewall = Firewall(self)
        site = ResponseSite(self, SIX_STEPS, [firewall.instance()])
        with open(self.path("node-a-content", "playbooks", "six_steps", "playbook.yaml"), "w", encoding="utf-8") as file:
            json.dump({**SIX_STEPS, "trigger": "manual", "inputs": {"ip": {"type": "ip"}}}, file)
        with open(self.path("node-a-content", "response", "schedules.yaml"), "w", encoding="utf-8") as file:
            json.dump({"schedules": [{"id": "often", "every": "10s", "playbook": "six_steps", "mode": "auto",
                                      "inputs": {"ip": "203.0.113.200"}}]}, file)
        node = site.node.start()

        def ended(run):
            return wait_for(f"run {run} to end", lambda: [r for r in site.runs() if r["run"] == run and r["status"] == "completed"], 30, 0.2)
        wait_for("the playbook to be offered", lambda: "six_steps" in json.dumps(node.shell("playbooks")), 20, 0.5)
        begun = node.shell("run six_steps ip=203.0.113.9 --reason 'to try it' --wait", check=True)
        self.assertEqual(["completed"], [r["status"] for r in site.runs() if r["run"] == begun["run"]])
        self.assertIn("203.0.113.9", firewall.blocked())
        self.assertEqual(0, self.soc("shell", "--config", node.config_file, "-c", f"undo {begun['run']} enough")[0])
        wait_for("the block to be undone", lambda: "203.0.113.9" not in firewall.blocked(), 30, 0.2)
        again = node.shell(f"rerun {begun['run'][:10]}", check=True)
        self.assertNotEqual(begun["run"], again["run"])
        ended(again["run"])
        self.assertIn("203.0.113.9", firewall.blocked())
        code, _, err = self.soc("shell", "--config", node.config_file, "-c", "run six_step ip=203.0.113.9")
        self.assertEqual(1, code)
        self.assertIn("did you mean 'six_steps'?", err)
        wait_for("the schedule's run", lambda: [r for r in site.runs() if r["rule"] == "often" and r["status"] == "completed"], 30, 0.5)
        self.assertIn("203.0.113.200", firewall.blocked())
        wait_for("the runs to be counted", lambda: 'soc_response_total{what="runs_completed"}' in node.http("/metrics")[1], 10, 0.5)


class OnAlerts(Case):
    def test_a_rule_on_alerts_acts_on_each_source_once_also_over_a_kill(self):
        firewall = Firewall(self)
        site = ResponseSite(self, SIX_STEPS, [firewall.instance()])
        with open(self.path("node-a-content", "playbooks", "six_steps", "playbook.yaml"), "w", encoding="utf-8") as file:
            json.dump({**SIX_STEPS, "name": "six_steps", "trigger": "alert", "inputs": {"ip": {"type": "ip"}}}, file)
        with open(self.path("node-a-content", "response", "rules.yaml"), "w", encoding="utf-8") as file:
            json.dump({"rules": [{"id": "on-alert", "trigger": "alert", "for_each": {"type": "ip", "role": "source"}, "once_per": "12h",
                                  "mode": "auto", "playbook": "six_steps", "inputs": {"ip": "${entity.ip}"}}]}, file)
        node = site.node.start()
        addresses = [f"203.0.113.{n}" for n in range(10, 20)]
        for n, address in enumerate(addresses):
            self.assertEqual(200, push(site.port, [attack_line(address, n)]))
            if n == 5:
                node.kill()
                node.start()
        wait_for("a run for each", lambda: len([r for r in site.runs() if r["status"] == "completed"]) == len(addresses), 60, 0.5)
        self.assertEqual(set(addresses), {r["entity"] for r in site.runs()})
        self.assertTrue(set(addresses) <= firewall.blocked())
        self.assertEqual(200, push(site.port, [attack_line(address, 100 + n) for n, address in enumerate(addresses)]))
        wait_for("these to be looked at too", lambda: node.metric('soc_response_total{what="alerts_looked_at"}') >= 10, 30, 0.5)
        self.assertEqual(len(addresses), len(site.runs()), "once in twelve hours")


class Audit(Case):
    def test_a_changed_a_missing_and_a_cut_off_entry_are_found(self):
        firewall = Firewall(self)
        site = ResponseSite(self, SIX_STEPS, [firewall.instance()])
        site.node.start()
        self.assertEqual(200, push(site.port, [attack_line("203.0.113.9", n) for n in range(3)]))
        wait_for("the run to end", lambda: [r for r in site.runs() if r["status"] == "completed"], 60, 0.5)
        data = self.path("node-a", "data")
        anchors = self.path("node-a", "data", "audit-anchors.jsonl")
        wait_for("an anchor", lambda: os.path.exists(anchors), 30)
        saved = self.path("saved.jsonl")
        code, _, err = self.soc("audit", "verify", "--data", data, "--save", saved)
        self.assertEqual(0, code, err)
        with open(saved, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertGreater(len(lines), 3)
        key = self.soc("audit", "key", "--data", data)[1].strip()
        self.assertEqual(64, len(key))

        def verdict(changed):
            name = self.write("changed.jsonl", "\n".join(changed) + "\n")
            return self.soc("audit", "verify", "--file", name, "--anchors", anchors, "--trust", f"node-a={key}")
        self.assertEqual(0, verdict(lines)[0])
        code, _, err = verdict([lines[0].replace("task", "tusk")] + lines[1:])
        self.assertEqual(1, code)
        self.assertIn("it was changed", err)
        self.assertIn("missing", verdict([lines[0]] + lines[2:])[2])
        self.assertIn("cut off", verdict(lines[:1])[2])

        def check(*arguments):
            code, _, err = self.soc("audit", "verify", "--file", saved, *arguments)
            self.assertNotIn("the audit is whole", err)
            return code
        self.assertEqual(2, check("--anchors", self.path("typo.jsonl")), "anchors that can't be read vouch for nothing")
        self.assertEqual(2, check("--anchors", saved))
        self.assertEqual(2, check("--anchors", self.write("none.jsonl", "")))
        with open(anchors, encoding="utf-8") as file:
            torn = self.write("torn.jsonl", file.read() + '{"node":"node-a","ten\n')
        self.assertEqual(1, check("--anchors", torn), "what is left of a line is a fault, the others are still used")
        self.assertEqual(2, check("--anchors", anchors, "--trust", key))
        self.assertEqual(1, check("--anchors", anchors, "--trust", f"node-b={key}"))
        self.assertEqual(2, check("--save", "/dev/full"))

    def test_a_stream_that_is_not_there_or_empty_is_no_whole_audit(self):
        nats = shared_nats(self)
        node = Node(self, nats=nats)   # its configuration alone

        def verify():
            return self.soc("audit", "verify", "--config", node.config_file)
        code, _, err = wait_for("NATS", lambda: (lambda answer: "is the node running" not in answer[2] and answer)(verify()), 20)
        self.assertEqual(2, code, err)
        self.assertIn("stream not found", err)
        connection = Connection(nats["urls"][0], nats["user"], "for-this-test")
        self.addCleanup(connection.close)
        made = connection.request("$JS.API.STREAM.CREATE.AUDIT", json.dumps({"name": "AUDIT", "subjects": ["soc.*.audit"]}))
        self.assertNotIn("error", made)
        code, _, err = verify()
        self.assertEqual(1, code, err)
        self.assertIn("there are no entries", err)
