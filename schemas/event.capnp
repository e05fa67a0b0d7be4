@0xd7a8e21c5b3f4602;
# A batch of normalized events, as it leaves a node (windows and graph by key, exports). Field numbers are only ever added.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct Value {
  union {
    null @0 :Void;
    boolean @1 :Bool;
    integer @2 :Int64;
    real @3 :Float64;
    text @4 :Data;         # as logged: mostly UTF-8, but a log may hold any bytes
    list @5 :List(Value);  # nested at most 8 deep
  }
}

struct Slot {
  name @0 :UInt32;   # index into EventBatch.names
  value @1 :Value;
}

struct LogType {
  vendor @0 :Text;         # "aws"
  product @1 :Text;        # "cloudtrail"
  name @2 :Text;           # sub-type within the product, may be empty
  sigmaProduct @3 :Text;   # Sigma logsource, as far as the mapping knows it
  sigmaService @4 :Text;
  sigmaCategory @5 :Text;
}

struct Event {
  id @0 :Text;             # 32 hex digits, deterministic from content and place
  type @1 :UInt32;         # index into EventBatch.types
  timeNs @2 :Int64;        # event time, unix nanoseconds
  classUid @3 :UInt32;     # OCSF class_uid, 0 = Base Event
  mapped @4 :Bool;         # the OCSF slots are filled
  native @5 :List(Slot);   # the vendor's own names, in the order of the record
  ocsf @6 :List(Slot);     # OCSF paths ("src_endpoint.ip")
  raw @7 :Data;            # the record's bytes, unchanged
  position @8 :UInt64;     # file offset or stream sequence of the record, 0 if the source has none
}

struct EventBatch {
  connector @0 :Text;      # name in the configuration of the node that read it
  tenant @1 :Text;
  vendor @2 :Text;         # type stated by the connector, empty = detected
  product @3 :Text;
  cloud @4 :Text;
  account @5 :Text;
  region @6 :Text;
  defaultZone @7 :Text;    # IANA name or ±hh:mm for records without a zone
  origin @8 :Text;         # file path, peer address, object key
  receivedNs @9 :Int64;    # when the source read it, unix nanoseconds
  names @10 :List(Text);   # field names used by the slots
  types @11 :List(LogType);
  events @12 :List(Event);
}
