@0xe66a4fa1ba2c4100;
# Journals of response: tasks (subject soc.<tenant>.task.<id>, stream RESPONSE) and the gate (soc.<tenant>.journal.gate.effects).
# Field numbers are only ever added.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct TaskSpec {
  id @0 :Text;                    # 32 hex digits, deterministic
  tenant @1 :Text;
  runId @2 :Text;
  incidentId @3 :Text;
  step @4 :Text;                  # path within the run, "#n" from the second attempt on
  component @5 :Text;
  action @6 :Text;
  instance @7 :Text;
  targetType @8 :UInt8;           # model/entity.hpp entity_type
  targetRole @9 :UInt8;           # model/entity.hpp entity_role
  targetKey @10 :Text;
  targetLabel @11 :Text;
  tags @12 :List(Text);
  parameters @13 :Text;           # JSON, checked
  mode @14 :UInt8;                # response/core/gate.hpp autonomy
  askedBy @15 :Text;
  reason @16 :Text;
  byPerson @17 :Bool;
  durationSeconds @18 :Int64;     # 0 = stands until undone
  vetoSeconds @19 :Int64;
  approveWithinSeconds @20 :Int64;
  attempts @21 :UInt32;           # calls at most
  backoffMs @22 :Int64;
}

struct TaskEvent {
  kind @0 :UInt8;                 # response/core/task.hpp task_event_kind
  timeNs @1 :Int64;               # unix nanoseconds
  spec @2 :TaskSpec;              # of the first event, whatever its kind
  attempt @3 :UInt32;
  untilNs @4 :Int64;              # deadline, or when to try again
  forVeto @5 :Bool;
  peopleNeeded @6 :UInt32;
  user @7 :Text;
  detail @8 :Text;                # for people, never a secret
  output @9 :Text;                # JSON, empty = none
  byExpiry @10 :Bool;
  node @11 :Text;                 # started: where the intent lies
}

struct Grant {
  id @0 :Text;
  tenant @1 :Text;
  incidentId @2 :Text;
  taskId @3 :Text;
  component @4 :Text;
  action @5 :Text;
  instance @6 :Text;
  inverse @7 :Text;
  fingerprint @8 :Text;           # of component, action, instance and parameters
  askedBy @9 :Text;
  targetType @10 :UInt8;
  target @11 :Text;
  groups @12 :List(Text);
  effect @13 :UInt8;              # response/core/component.hpp action_effect
  timeNs @14 :Int64;
  undoOf @15 :Text;
  standing @16 :Bool;
}

struct GateEvent {
  kind @0 :UInt8;                 # response/core/gate.hpp gate_event kind
  granted @1 :Grant;
  id @2 :Text;                    # released: of the grant
  who @3 :Text;
  why @4 :Text;
  timeNs @5 :Int64;
  more @6 :List(GateEvent);       # of an entry: what was decided and stored with it, in order
}

struct GateSnapshot {
  grants @0 :List(Grant);
  stopped @1 :Bool;
  stoppedBy @2 :Text;
  stoppedWhy @3 :Text;
}
