@0xd1a6f0c2b7e34810;
# Incidents. The journal entry: subject soc.<tenant>.journal.incident.<id>. The public view: subject soc.<tenant>.incident.<id>.<change>,
# stream INCIDENTS. The snapshot: in the node's store. Requests between nodes. Field numbers are only ever added.
# Times are unix nanoseconds of event time unless they say otherwise; 0 = not known.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");
using import "alert.capnp".Technique;

struct Sample {
  alert @0 :Data;           # an Alert message (alert.capnp)
  why @1 :Text;             # graph's explanation, JSON (graph/core/explanation.hpp)
}

struct AlertGroup {         # alerts of one kind on one asset
  origin @0 :Text;          # incident it came from by a merge, empty = its own
  ruleId @1 :Text;
  title @2 :Text;
  host @3 :Text;            # canonical key
  stage @4 :Text;
  product @5 :Text;
  vendor @6 :Text;
  severity @7 :UInt8;       # OCSF severity_id, the highest of its alerts
  confidence @8 :UInt8;     # 0–100
  techniques @9 :List(Technique);
  alerts @10 :UInt64;       # count
  events @11 :UInt64;       # raw events folded into them
  firstNs @12 :Int64;
  lastNs @13 :Int64;
  firstDetectedNs @14 :Int64; # when a detector first raised one
  suspicion @15 :Float64;   # nats, of the first
  samples @16 :List(Sample);
}

struct EntityRecord {
  origin @0 :Text;
  type @1 :UInt8;           # model/entity.hpp entity_type
  key @2 :Text;             # canonical
  label @3 :Text;
  roles @4 :UInt16;         # bit n: entity_role n was seen
  firstNs @5 :Int64;
  lastNs @6 :Int64;
  alerts @7 :UInt64;        # count
}

struct Member {             # an alert of the incident
  alert @0 :UInt64;         # XXH3-64 of its id
  group @1 :UInt64;         # XXH3-64 of its group's key
}

struct TaskRecord {         # a response task
  id @0 :Text;
  runId @1 :Text;
  action @2 :Text;          # "block_ip"
  target @3 :Text;
  instance @4 :Text;        # resource instance
  status @5 :Text;
  detail @6 :Text;
  createdNs @7 :Int64;      # decided
  changedNs @8 :Int64;
}

struct Fact {               # what happened, or what is asked for
  union {
    opened :group {
      id @0 :Text;
      tenant @1 :Text;
      successorOf @2 :Text; # closed incident it goes on from
    }
    alertAdded :group {
      alert @3 :Data;       # an Alert message (alert.capnp)
      why @4 :Text;         # JSON
      origin @5 :Text;
      folded @6 :Bool;      # the alert holds only what a repetition keeps
      late @7 :Bool;        # the incident was closed
      opensSuccessorOf @26 :Text; # asked only: the closed incident that the one this alert opens goes on from
    }
    statusSet :group {
      to @8 :UInt8;         # 0 new, 1 in progress, 2 contained, 3 resolved, 4 closed, 5 false positive
      classification @9 :UInt8; # 0 none, 1 true positive, 2 benign, 3 false positive, 4 duplicate, 5 test
      reason @10 :Text;
    }
    ownerSet @11 :Text;     # empty = nobody
    commentAdded @12 :Text;
    titleSet @13 :Text;
    severitySet @14 :UInt8; # OCSF severity_id
    automationSet @15 :Bool;
    verdictSet :group {
      entityKey @16 :Text;
      verdict @17 :Text;    # malicious, suspicious, benign, empty
    }
    taskNoted @18 :TaskRecord;
    mergedAway :group {     # this one went into another
      into @19 :Text;
      intoWhy @20 :Text;    # JSON
      takenVersion @31 :UInt64; # of this one when the other took it, 0 = not said
    }
    mergeTaken @21 :MergeContent;
    mergeUndone @22 :Text;  # the other incident
    alertsRemoved :group {
      ids @23 :List(Text);
      movedTo @24 :Text;    # incident
    }
    doubtNoted @25 :Text;
    deadlineMissed :group {
      what @27 :UInt8;      # 0 acknowledge, 1 resolve
      dueNs @28 :Int64;     # decided
    }
    deadlineNear :group {   # it will pass soon
      what @29 :UInt8;      # 0 acknowledge, 1 resolve
      dueNs @30 :Int64;
    }
  }
}

struct MergeContent {
  from @0 :Text;
  why @1 :Text;             # JSON
  groups @2 :List(AlertGroup);
  entities @3 :List(EntityRecord);
  members @4 :List(Member);
}

struct IncidentEvent {
  atNs @0 :Int64;           # when it was decided
  who @1 :Text;             # user, "graph", "response"
  fact @2 :Fact;
}

struct IncidentEntry {      # one journal entry: the events of one append
  events @0 :List(IncidentEvent);
}

struct HistoryEntry {
  atNs @0 :Int64;           # when it was decided
  who @1 :Text;
  what @2 :Text;
}

struct MergeRecord {
  other @0 :Text;           # incident id
  into @1 :Bool;            # this one went into `other`; else `other` came into this one
  undone @2 :Bool;
  atNs @3 :Int64;
  who @4 :Text;
  why @5 :Text;             # JSON
}

struct Verdict {
  key @0 :Text;             # of the entity
  verdict @1 :Text;
}

struct IncidentSnapshot {
  id @0 :Text;
  tenant @1 :Text;
  events @2 :UInt64;        # folded in
  openedNs @3 :Int64;       # these six: when it was decided
  changedNs @4 :Int64;
  acknowledgedNs @5 :Int64;
  containedNs @6 :Int64;
  resolvedNs @7 :Int64;
  closedNs @8 :Int64;
  status @9 :UInt8;
  classification @10 :UInt8;
  owner @11 :Text;
  title @12 :Text;          # set by a person
  closingReason @13 :Text;
  severity @14 :UInt8;      # set by a person
  automation @15 :Bool;
  mergedInto @16 :Text;
  successorOf @17 :Text;
  groups @18 :List(AlertGroup);
  entities @19 :List(EntityRecord);
  members @20 :List(Member);
  movedOut @21 :List(Text); # alert ids a person took away
  tasks @22 :List(TaskRecord);
  verdicts @23 :List(Verdict);
  merges @24 :List(MergeRecord);
  doubts @25 :List(Text);
  history @26 :List(HistoryEntry);
  lateAlerts @27 :UInt64;
  version @28 :UInt16;      # of this form: 1
  reopenedNs @29 :Int64;    # when it was decided
  missedAcknowledge @30 :Bool; # these two: that the deadline passed is in the history
  missedResolve @31 :Bool;
  warnedAcknowledge @32 :Bool; # these two: that the deadline is near is in the history
  warnedResolve @33 :Bool;
}

struct ViewEntity {
  type @0 :UInt8;
  role @1 :UInt8;           # model/entity.hpp entity_role, the one that says most
  key @2 :Text;
  label @3 :Text;
  verdict @4 :Text;
  firstNs @5 :Int64;
  lastNs @6 :Int64;
  alerts @7 :UInt64;
}

struct TimelineEntry {
  timeNs @0 :Int64;         # of the first occurrence
  lastNs @1 :Int64;
  count @2 :UInt64;         # alerts folded into the line
  title @3 :Text;
  host @4 :Text;
  stage @5 :Text;
  tactic @6 :Text;          # ATT&CK "TA0001"
  technique @7 :Text;       # ATT&CK "T1190"
  severity @8 :UInt8;
  alertId @9 :Text;
  eventId @10 :Text;        # these four: the record the line cites
  source @11 :Text;
  origin @12 :Text;
  raw @13 :Data;
  why @14 :Text;            # words
}

struct PathNode {
  type @0 :UInt8;
  key @1 :Text;
  label @2 :Text;
}

struct PathStep {
  from @0 :UInt32;          # index of a node
  to @1 :UInt32;
  verb @2 :Text;            # "exploited", "wrote", "spawned" …
  timeNs @3 :Int64;
  count @4 :UInt64;
  alertId @5 :Text;
  tactic @6 :Text;
  title @7 :Text;
  gap @8 :Bool;             # how `from` was reached is not recorded
  impact @9 :Bool;
  eventId @10 :Text;        # of the stored event that tells the step, where no alert does
}

struct IncidentView {
  id @0 :Text;
  tenant @1 :Text;
  title @2 :Text;
  scenario @3 :Text;        # "web_intrusion"
  status @4 :UInt8;
  classification @5 :UInt8;
  severity @6 :UInt8;       # OCSF severity_id
  confidence @7 :UInt8;     # 0–100
  score @8 :Float64;        # 0–100, higher = look first
  owner @9 :Text;
  mergedInto @10 :Text;
  successorOf @11 :Text;
  automation @12 :Bool;
  firstEventNs @13 :Int64;
  lastEventNs @14 :Int64;
  openedNs @15 :Int64;      # decided
  changedNs @16 :Int64;     # decided
  alerts @17 :UInt64;       # count
  rawEvents @18 :UInt64;    # count
  version @19 :UInt64;      # events folded in; grows with each change
  stages @20 :List(Text);
  tactics @21 :List(Text);
  techniques @22 :List(Text);
  assets @23 :List(Text);
  accounts @24 :List(Text); # "aws:123456789012"
  products @25 :List(Text);
  entities @26 :List(ViewEntity);
  timeline @27 :List(TimelineEntry);
  nodes @28 :List(PathNode);
  steps @29 :List(PathStep);
  gaps @30 :List(Text);
  tasks @31 :List(TaskRecord);
  history @32 :List(HistoryEntry);
  doubts @33 :List(Text);
  merges @34 :List(MergeRecord);
  detectS @35 :Float64;     # these three: seconds, -1 = not yet. First event → first detection
  acknowledgeS @36 :Float64; # first detection → confirmed
  respondS @37 :Float64;    # confirmed → resolved
  slaRule @38 :Text;        # the rule whose deadlines these are, empty = none
  acknowledgeDueNs @39 :Int64; # these four: of the clock of the node, 0 = no deadline, or not yet
  resolveDueNs @40 :Int64;
  acknowledgedNs @41 :Int64;
  resolvedNs @42 :Int64;
  acknowledgeMissed @43 :Bool; # these two: that it passed is in the history
  resolveMissed @44 :Bool;
  acknowledgeWarnNs @45 :Int64; # these two: from when it is near, 0 = that isn't told
  resolveWarnNs @46 :Int64;
  acknowledgeWarned @47 :Bool; # these two: that it is near is in the history
  resolveWarned @48 :Bool;
}

struct IncidentChange {     # what subscribers of soc.<tenant>.incident.> get
  change @0 :Text;          # opened, updated, merged, split, status, closed, overdue
  view @1 :IncidentView;
}

struct IncidentRequest {    # to the node that owns the incident
  tenant @0 :Text;
  id @1 :Text;
  who @2 :Text;
  union {
    change @3 :Fact;        # → IncidentReply
    join @4 :Fact;          # alertAdded → IncidentReply
    get @5 :Void;           # → IncidentReply with a view
    content @6 :Text;       # why, JSON → IncidentReply with merge
    alerts @7 :List(Text);  # ids → IncidentReply with samples
  }
}

struct IncidentReply {
  changed @0 :Bool;
  version @1 :UInt64;
  view @2 :IncidentView;
  merge @3 :MergeContent;
  samples @4 :List(Sample);
}
