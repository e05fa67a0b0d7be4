@0xd0f4b6c2a1e95873;
# Pushed logs between the connector that took them and the pipeline: the payload of soc.<tenant>.raw.<connector> (stream RAW).
# Fields are only ever added.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct RawBatch {
  connector @0 :Text;      # name in the configuration of the node that took it
  tenant @1 :Text;
  vendor @2 :Text;         # empty = the type is detected
  product @3 :Text;
  cloud @4 :Text;
  account @5 :Text;
  region @6 :Text;
  defaultZone @7 :Text;    # IANA name or ±hh:mm; empty = UTC
  origin @8 :Text;         # peer address
  receivedAt @9 :Int64;    # unix nanoseconds
  records @10 :List(Data); # as the client sent them, unwrapped from the protocol's envelope
}
