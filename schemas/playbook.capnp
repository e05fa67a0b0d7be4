@0xf2487a506df05bdb;
# One entry of a playbook run's journal: subject soc.<tenant>.run.<id>, stream RESPONSE. What came from outside; all else follows
# from it (playbook/core/machine.hpp). Field numbers are only ever added.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct RunOrigin {
  runId @0 :Text;          # 32 hex digits, deterministic
  tenant @1 :Text;
  incidentId @2 :Text;
  rule @3 :Text;           # response rule, or "person"
  mode @4 :Text;           # autonomy: observe, recommend, approve, auto_with_veto, automatic
  entity @5 :Text;         # canonical key of the one it is for, may be empty
  reason @6 :Text;
  askedBy @7 :Text;        # "rule:<id>" or "user:<name>"
  vetoSeconds @8 :Int64;
  approveWithinSeconds @9 :Int64;
  recommended @10 :Bool;   # waits for a person to begin it
}

struct RunEvent {
  kind @0 :UInt8;          # playbook/core/machine.hpp run_event_kind
  timeNs @1 :Int64;        # unix nanoseconds
  path @2 :Text;           # of a step: "block", "each[2]/block"
  attempt @3 :UInt32;
  ok @4 :Bool;
  value @5 :Text;          # JSON: inputs, output or payload, by kind; empty = none
  text @6 :Text;           # error, signal name or a person's reason, by kind
  user @7 :Text;
  origin @8 :RunOrigin;    # begun
  texts @9 :List(Text);    # begun: the playbook as pinned, then its sub-playbooks
}
