@0xc4b90f6e7d215803;
# What nodes, the shell and the console say to one another by request/reply: soc.node.<node>.control (ControlRequest) and
# soc.node.<node>.aggregate (Envelope). Field numbers are only ever added.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct ControlRequest {
  id @0 :Text;             # chosen by the caller, repeated in the reply
  user @1 :Text;           # who asks: recorded in the audit stream
  words @2 :List(Text);    # the command, split: ["incident", "8f3a…"]
  json @3 :Bool;           # answer with JSON instead of text for people
  deadlineNs @4 :Int64;    # unix nanoseconds after which nobody waits for the answer, 0 = none stated
}

struct ControlReply {
  id @0 :Text;             # of the request
  ok @1 :Bool;
  exitCode @2 :UInt8;      # 0 fine, 1 findings or failures in the data, 2 wrong use
  contentType @3 :Text;    # "text/plain" or "application/json"
  body @4 :Data;           # UTF-8
  error @5 :Text;          # a sentence to act on, empty when ok
}

struct Envelope {
  kind @0 :Text;           # kind of the aggregate: "incident", "run", "task", "graph"
  id @1 :Text;             # the aggregate
  message @2 :Text;        # kind of the message: "join_alert"
  payload @3 :Data;        # in the encoding of that message
  deadlineNs @4 :Int64;    # unix nanoseconds after which nobody waits for the answer, 0 = none stated
  sender @5 :Text;         # node that sends it
}

struct EnvelopeReply {
  code @0 :UInt8;          # base/result.hpp ec, 0 = fine
  text @1 :Text;           # why it failed, empty when fine
  payload @2 :Data;        # in the encoding of the message's answer
}
