@0xb3f1c7d20a5e9401;
# An alert on NATS: subject soc.<tenant>.alert.<partition>, stream ALERTS. Field numbers are only ever added.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct Entity {
  type @0 :UInt8;   # model/entity.hpp entity_type
  role @1 :UInt8;   # model/entity.hpp entity_role
  key @2 :Text;     # canonical, scoped; equal exactly when the thing is the same
  label @3 :Text;   # as people know it
}

struct Technique {
  tactic @0 :Text;    # ATT&CK "TA0001", empty if not known
  technique @1 :Text; # ATT&CK "T1190" or "T1059.004"
}

struct Evidence {
  eventId @0 :Text;  # 32 hex digits
  timeNs @1 :Int64;  # unix nanoseconds
  source @2 :Text;   # "nginx/access"
  origin @3 :Text;   # file, peer, object key
  raw @4 :Data;      # the record's bytes, at most 4096
}

struct Alert {
  id @0 :Text;             # 32 hex digits, deterministic: also the Nats-Msg-Id
  tenant @1 :Text;
  origin @2 :UInt8;        # model/alert.hpp alert_origin
  timeNs @3 :Int64;        # event time of the first event, unix nanoseconds
  endTimeNs @4 :Int64;     # event time of the last event
  detectedNs @5 :Int64;    # when the detector raised it
  ingestedNs @6 :Int64;    # when the source read the last record
  ruleId @7 :Text;
  title @8 :Text;
  description @9 :Text;
  severity @10 :UInt8;     # OCSF severity_id 0–6
  confidence @11 :UInt8;   # 0–100, 0 = not stated
  tags @12 :List(Text);    # Sigma tags as written
  techniques @13 :List(Technique);
  entities @14 :List(Entity);
  records @15 :List(Evidence);
  count @16 :UInt32;       # events folded into it
  vendor @17 :Text;
  product @18 :Text;
  cloud @19 :Text;
  account @20 :Text;
  region @21 :Text;
  host @22 :Text;          # canonical key of the asset, may be empty
  stage @23 :Text;         # step of an attack the rule names, may be empty
}

struct AlertBatch {
  alerts @0 :List(Alert);
}
