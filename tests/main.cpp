// tests/main.cpp - the entry point of every Boost.Test executable.
#define BOOST_TEST_MODULE soc
#include <boost/test/unit_test.hpp>
