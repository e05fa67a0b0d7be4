@0xd1a7f04c63be8e25;
# What the store (LMDB, <data>/store) keeps on this node's disk. Field numbers are only ever added; the format number in
# <data>/store/format rises when an older node could no longer read it.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("soc::schema");

struct StoredSnapshot {
  id @0 :Text;          # of the aggregate; its kind is in the key
  sequence @1 :UInt64;  # last journal sequence it covers
  bytes @2 :Data;       # the aggregate's own encoding
}

struct StoredCheckpoint {
  key @0 :Text;   # the connector's own key: a path with inode, a partition; the connector is in the key
  bytes @1 :Data; # the connector's own encoding
}

struct StoredIntent {
  key @0 :Text;           # run + step + target
  bytes @1 :Data;         # what is about to be done
  atNs @2 :Int64;         # when it was written, unix nanoseconds
  hasResult @3 :Bool;     # false: it may have been done or not
  resultBytes @4 :Data;
  resultAtNs @5 :Int64;
}

struct StoredLetter {
  origin @0 :Text;  # actor path or connector
  reason @1 :Text;
  bytes @2 :Data;
  atNs @3 :Int64;   # unix nanoseconds
}

struct LetterBox {
  next @0 :UInt64;    # number of the next letter
  count @1 :UInt64;   # letters kept
  bytes @2 :UInt64;   # of what is kept
  evicted @3 :UInt64; # letters that had to go because the box was full
}
