// librdkafka's own broker for tests as a process: the real wire protocol, consumer groups and offsets, kept in memory only (neither Debian
// nor npm has a broker). Built by the test: cc -O1 mock_kafka.c -o mock_kafka -lrdkafka
// usage: mock_kafka TOPIC PARTITIONS
// Prints "host:port". Then each line of stdin becomes a message; an empty line prints "stored" once the broker has all before it.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int undelivered = 0;

static void delivered(rd_kafka_t* producer, const rd_kafka_message_t* message, void* opaque) {
  (void)producer;
  (void)opaque;
  if (message->err)
    ++undelivered;
}

int main(int count, char** arguments) {
  if (count != 3)
    return 2;
  const int partitions = atoi(arguments[2]);
  char why[512];
  rd_kafka_conf_t* of_host = rd_kafka_conf_new();
  rd_kafka_conf_set(of_host, "client.id", "mock-host", why, sizeof why);
  rd_kafka_t* host = rd_kafka_new(RD_KAFKA_PRODUCER, of_host, why, sizeof why);
  rd_kafka_mock_cluster_t* cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
  if (!cluster || rd_kafka_mock_topic_create(cluster, arguments[1], partitions, 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return 1;
  const char* brokers = rd_kafka_mock_cluster_bootstraps(cluster);
  rd_kafka_conf_t* of_producer = rd_kafka_conf_new();
  rd_kafka_conf_set(of_producer, "bootstrap.servers", brokers, why, sizeof why);
  rd_kafka_conf_set(of_producer, "linger.ms", "1", why, sizeof why);
  rd_kafka_conf_set_dr_msg_cb(of_producer, delivered);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, of_producer, why, sizeof why);
  if (!producer)
    return 1;
  puts(brokers);
  fflush(stdout);

  char* line = NULL;
  size_t room = 0;
  int partition = 0;
  for (ssize_t size; (size = getline(&line, &room, stdin)) > 0;) {
    if (line[size - 1] == '\n')
      --size;
    if (size > 0) {
      if (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(arguments[1]), RD_KAFKA_V_PARTITION(partition++ % partitions),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(line, (size_t)size), RD_KAFKA_V_END))
        ++undelivered;
      continue;
    }
    const int open = rd_kafka_flush(producer, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR;
    puts(open || undelivered ? "failed" : "stored");
    fflush(stdout);
    undelivered = 0;
  }
  free(line);
  rd_kafka_destroy(producer);
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(host);
  return 0;
}
