# What the data here were written with. It is kept with the volumes: 'make down' removes both, KEEP_DATA=1 neither.
resource "terraform_data" "kept" {
  input = {
    kafka_brokers             = var.kafka_brokers
    world                     = var.world
    generator_malformed_share = var.generator_malformed_share
  }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output.kafka_brokers == var.kafka_brokers
      error_message = "${self.output.kafka_brokers} broker(s) wrote what is kept here, ${var.kafka_brokers} are asked for, and nothing would move its partitions: 'make down' removes it, 'make up' then takes the new number."
    }

    postcondition {
      condition     = self.output.world == var.world && self.output.generator_malformed_share == var.generator_malformed_share
      error_message = "What is kept here was generated with world = ${jsonencode(self.output.world)} and generator_malformed_share = ${self.output.generator_malformed_share}, and another run would mix with it: 'make down' removes it, 'make up' then begins the new one."
    }
  }
}
