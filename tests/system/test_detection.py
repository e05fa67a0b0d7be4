"""Detection beyond single rules on the real binary: indicators offline and in a running node, native alerts, backtests."""
import json
import os
import time

from harness import ROOT, Case, Node, attack_line, free_port, push, wait_for

RULES = os.path.join(ROOT, "rules/sigma")
QUERY = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 22, "Provider_Name": "Microsoft-Windows-Sysmon",
         "TimeCreated": "2026-03-01T10:00:00Z", "QueryName": "cdn.evil.example", "QueryResults": "::ffff:203.0.113.77;"}


class IndicatorsOffline(Case):
    def lines(self, *arguments):
        code, out, err = self.soc("detect", *arguments)
        return code, [json.loads(line) for line in out.splitlines()], err

    def test_a_list_and_a_stix_bundle_are_looked_for_in_any_log(self):
        feed = self.write("feed.txt", "evil.example\n198.51.100.0/24\n")
        stix = self.write("bundle.json", json.dumps({"type": "bundle", "objects": [{
            "type": "indicator", "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f", "name": "Emotet C2", "confidence": 85,
            "pattern_type": "stix", "pattern": "[ipv4-addr:value = '203.0.113.77']", "valid_from": "2026-01-01T00:00:00Z"}]}))
        events = self.write("events.json", json.dumps(QUERY) + "\n")
        web = self.write("web.json", attack_line("198.51.100.9") + b"\n")
        code, found, err = self.lines("--intel", feed, "--intel", stix, "--stats", events, web)
        self.assertEqual(0, code, err)
        self.assertEqual({("feed", "evil.example"), ("bundle", "203.0.113.77"), ("feed", "198.51.100.0/24")},
                         {(row["source"], row["indicator"]) for row in found})
        emotet = next(row for row in found if row["source"] == "bundle")
        self.assertEqual(("intel/bundle/ip", 85, "high", "Emotet C2", "2026-03-01T10:00:00.000Z"),
                         (emotet["rule_id"], emotet["confidence"], emotet["level"], emotet["name"], emotet["time"]))
        self.assertEqual(3, json.loads(err.splitlines()[-1])["indicator_matches"])

    def test_an_indicator_that_had_ended_says_nothing_of_later_events(self):
        stix = self.write("bundle.json", json.dumps([{
            "type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'evil.example']",
            "valid_until": "2026-02-01T00:00:00Z"}]))
        late = self.write("late.json", json.dumps(QUERY))
        early = self.write("early.json", json.dumps({**QUERY, "TimeCreated": "2026-01-20T10:00:00Z"}))
        self.assertEqual([], self.lines("--intel", stix, late)[1])
        self.assertEqual(1, len(self.lines("--intel", stix, early)[1]))

    def test_lookup_and_check_answer_for_people(self):
        feed = self.write("feed.txt", "evil.example\nnonsense here\n")
        self.assertEqual(0, self.soc("intel", "lookup", "--intel", feed, "www.evil.example")[0])
        self.assertEqual(1, self.soc("intel", "lookup", "--intel", feed, "good.example")[0])
        code, out, err = self.soc("intel", "check", feed)
        self.assertEqual(0, code)
        self.assertIn("INT003", err)
        self.assertIn("1 domain", out)

    def test_a_finding_of_another_product_is_an_alert_as_it_is(self):
        sample = os.path.join(ROOT, "connectors/vendors/suricata/eve/samples/alert.json")
        code, found, err = self.lines("--rules", RULES, "--stats", sample)
        native = [row for row in found if row.get("origin") == "native"]
        self.assertEqual(2, len(native), err)
        self.assertTrue(all(row["rule_id"] and row["title"] and row["level"] for row in native), native)
        self.assertEqual(2, json.loads(err.splitlines()[-1])["native_alerts"])


class FindingsOffline(Case):
    def findings(self, *arguments):
        code, out, err = self.soc(*arguments)
        self.assertEqual(0, code, err)
        return [json.loads(line) for line in out.splitlines()]

    def test_findings_of_files_are_those_of_the_same_events_stored(self):
        log = self.write("web.json", b"".join(attack_line("203.0.113.5", n, at=1_770_000_000 + n) + b"\n" for n in range(50)))
        self.assertEqual(0, self.soc("lake", "load", self.path("events"), log)[0])
        of_files = self.findings("detect", "--rules", RULES, "--findings", log)
        stored = self.findings("lake", "detect", self.path("events"), "--rules", RULES)
        self.assertGreater(len(of_files), 50)   # the correlations' too
        told = [sorted((row["time"], row["finding_info"]["title"], row["severity_id"]) for row in rows) for rows in (of_files, stored)]
        self.assertEqual([row["time"] for row in of_files], [row[0] for row in told[0]], "in order of time")
        self.assertEqual(*told)

    def test_findings_become_an_incident(self):
        log = self.write("web.json", b"".join(attack_line("203.0.113.5", n, at=1_770_000_000 + n) + b"\n" for n in range(50)))
        feed = self.write("feed.txt", "203.0.113.5\n")
        _, out, err = self.soc("detect", "--rules", RULES, "--intel", feed, "--findings", "--stats", log)
        stats = json.loads(err.splitlines()[-1])
        self.assertEqual(50, stats["indicator_matches"])
        self.assertEqual(stats["matches"] + 50, len(out.splitlines()))
        found = [row for row in map(json.loads, out.splitlines()) if "feed" in row["finding_info"]["title"]]
        self.assertEqual(50, len(found))
        incidents = self.findings("correlate", self.write("findings.json", out))
        self.assertTrue(any("203.0.113.5" in json.dumps(row) for row in incidents), incidents)

    def test_threads_and_explanations_are_not_for_findings(self):
        for option in (("--threads", "2"), ("--explain", "x")):
            self.assertNotEqual(0, self.soc("detect", "--rules", RULES, "--findings", *option, self.write("log", ""))[0])


class Backtest(Case):
    def test_it_says_what_a_rule_would_have_raised(self):
        rule = self.write("rule.yml", "title: Thumb\nid: 11111111-2222-4333-8444-555555555555\nlevel: low\nlogsource: {category: webserver}\n"
                          "detection:\n  s:\n    cs-uri-stem|contains: thumb.php\n  condition: s\n")
        log = self.write("web.json", b"".join(attack_line("203.0.113.5", n, at=1_770_000_000 + n) + b"\n" for n in range(7)))
        code, out, err = self.soc("rules", "backtest", "-o", "json", rule, log)
        self.assertEqual(0, code, err)
        row = json.loads(out)
        self.assertEqual((7, "Thumb", "low", 1), (row["matches"], row["title"], row["level"], row["files"]))
        self.assertEqual("2026-02-02T02:40:06.000Z", row["last"])
        self.assertIn("over 7 records", err)


    def test_it_says_what_a_rule_would_have_raised_of_stored_events(self):
        rule = self.write("rule.yml", "title: Thumb\nid: 11111111-2222-4333-8444-555555555555\nname: thumb\nlevel: low\nlogsource: {category: webserver}\n"
                          "detection:\n  s:\n    cs-uri-stem|contains: thumb.php\n  condition: s\n---\n"
                          "title: Many thumbs\nid: 11111111-2222-4333-8444-666666666666\nlevel: high\ncorrelation:\n  type: event_count\n"
                          "  rules: [thumb]\n  generate: true\n  group-by: [c-ip]\n  timespan: 1m\n  condition: {gte: 7}\n")
        log = self.write("web.json", b"".join(attack_line("203.0.113.5", n, at=1_770_000_000 + n) + b"\n" for n in range(7)))
        events = self.path("data", "events")
        for _ in range(2):  # what is stored twice counts once
            code, _, err = self.soc("lake", "load", events, log)
            self.assertEqual(0, code, err)

        def raised(*options):
            code, out, err = self.soc("rules", "backtest", "-o", "json", rule, *options)
            self.assertEqual(0, code, err)
            return {row["title"]: row for row in map(json.loads, out.splitlines())}
        for place in (events, self.path("data")):
            rows = raised("--events", place)
            self.assertEqual({"Thumb": 7, "Many thumbs": 1}, {title: row["matches"] for title, row in rows.items()})
        self.assertEqual("2026-02-02T02:40:06.000Z", rows["Thumb"]["last"])
        self.assertTrue(all("203.0.113.5" in sample for sample in rows["Thumb"]["samples"]), rows)
        self.assertEqual(2, raised("--events", events, "--to", "2026-02-02T02:40:02Z")["Thumb"]["matches"])
        self.assertEqual({}, raised("--events", events, "--last", "7d"))
        self.assertEqual(2, self.soc("rules", "backtest", rule, log, "--last", "7d")[0])
        self.assertEqual(2, self.soc("rules", "backtest", rule, "--events", self.path("nothing"))[0])


class IndicatorsInANode(Case):
    """The whole way: list on the disk, pushed log, alert; the list changes while the node runs."""

    def test_changed_lists_are_taken_over_while_the_node_runs(self):
        self.write("intel/sources.yaml", "sources:\n  - {name: feed, paths: [list.txt], confidence: 90, level: critical}\n")
        self.write("intel/list.txt", "198.51.100.1\n")
        port = free_port()
        node = Node(self, connectors=[{"name": "push", "kind": "http", "port": port}],
                    content={"intel": [self.path("intel")], "intel_refresh_s": 1}).start()

        def alerts_of(address):
            return [row for row in node.alerts() if "feed" in json.dumps(row) and address in json.dumps(row)]

        def quiet_line(address):
            return attack_line(address).replace(b"?cmd=cat%20/etc/passwd", b"?")
        self.assertEqual(200, push(port, [quiet_line("198.51.100.1"), quiet_line("198.51.100.2")]))
        wait_for("the alert of the listed address", lambda: alerts_of("198.51.100.1"), 30, 0.3)
        self.assertEqual([], alerts_of("198.51.100.2"))
        self.write("intel/next", "198.51.100.2\n")
        os.replace(self.path("intel/next"), self.path("intel/list.txt"))
        wait_for("the changed list", lambda: node.metric("soc_intel_refreshes_total") >= 1, 30, 0.3)
        self.assertEqual(200, push(port, [quiet_line("198.51.100.2").replace(b"&n=0", b"&n=2")]))
        wait_for("the alert of the newly listed address", lambda: alerts_of("198.51.100.2"), 30, 0.3)
        self.write("intel/list.txt", "")
        self.write("intel/sources.yaml", "sources: [ {name: x\n")
        wait_for("the refusal", lambda: 'outcome="refused"' in node.http("/metrics")[1], 30, 0.3)
        time.sleep(0.5)
        self.assertEqual(200, push(port, [quiet_line("198.51.100.2").replace(b"&n=0", b"&n=3")]))
        wait_for("the indicators before to stay in use", lambda: len(alerts_of("198.51.100.2")) >= 2, 30, 0.3)
        self.assertTrue(any("intel/feed" in json.dumps(row) for row in node.shell("rules", check=True)))
