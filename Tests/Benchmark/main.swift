import ArgumentParser

MyChatLoad.main()

struct MyChatLoad: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mychatload",
    abstract: "Measures what a chat server costs, and checks that it loses nothing.",
    subcommands: [Run.self, Bench.self, MetricsCost.self],
    defaultSubcommand: Run.self)
}
