// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

/// The tests check gigabytes byte by byte, and must not be what is slow.
let optimized: [SwiftSetting] = strict + [.unsafeFlags(["-O", "-enforce-exclusivity=unchecked"])]

let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "mychat",
  products: [
    .executable(name: "mychatserver", targets: ["mychatserver"]),
    .executable(name: "mychatclient", targets: ["mychatclient"]),
    // For the torture: only a product is made into a shared library, which can be preloaded into the server.
    .library(name: "FailingCalls", type: .dynamic, targets: ["FailingCalls"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CEditLine", path: "Sources/CEditLine", providers: [.apt(["libedit-dev"])]),
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .target(name: "ChatWire", swiftSettings: strict),
    .target(name: "ChatRedis", dependencies: ["ChatWire"], swiftSettings: strict),
    .target(name: "ChatServer", dependencies: ["ChatRedis", "ChatWire", "CLinux"], swiftSettings: strict),
    .target(name: "ChatClient", dependencies: ["ChatWire", "CEditLine", "CLinux"], swiftSettings: strict),
    .executableTarget(
      name: "mychatserver", dependencies: ["ChatRedis", "ChatServer", "ChatWire", arguments], swiftSettings: strict),
    .executableTarget(
      name: "mychatclient", dependencies: ["ChatClient", "ChatWire", arguments], swiftSettings: strict),
    .target(
      name: "ChatLoad", dependencies: ["ChatWire", "TestSupport"], path: "Tests/Load", swiftSettings: strict),
    .executableTarget(
      name: "mychatload", dependencies: ["ChatLoad", "ChatWire", "TestSupport", arguments], path: "Tests/Benchmark",
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["ChatRedis", "ChatWire", "CLinux"], path: "Tests/TestSupport",
      swiftSettings: optimized),
    .executableTarget(
      name: "mychatdemo", dependencies: ["mychatserver", "mychatclient", "TestSupport"], path: "Tests/Demo",
      swiftSettings: strict),
    .testTarget(name: "ChatWireTests", dependencies: ["ChatWire", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "ChatRedisTests", dependencies: ["ChatRedis", "ChatWire", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ChatServerTests", dependencies: ["ChatRedis", "ChatServer", "ChatWire", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ChatClientTests", dependencies: ["ChatClient", "ChatWire", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ChatLoadTests", dependencies: ["ChatLoad", "mychatload", "mychatserver", "ChatWire", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests", dependencies: ["mychatserver", "mychatclient", "ChatWire", "FailingCalls", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "SSHTests", dependencies: ["mychatserver", "mychatclient", "ChatWire", "TestSupport"],
      exclude: ["with-two-logins"], swiftSettings: strict),
    .target(name: "FailingCalls", path: "Tests/FailingCalls", cSettings: [.unsafeFlags(["-fno-sanitize=all"])]),
    .target(
      name: "TortureSupport", dependencies: ["ChatWire", "TestSupport"], path: "Tests/TortureSupport",
      swiftSettings: optimized),
    .executableTarget(
      name: "mychattorture",
      dependencies: ["ChatWire", "TestSupport", "TortureSupport", "mychatserver", "mychatclient"],
      path: "Tests/Torture", swiftSettings: optimized),
    .executableTarget(
      name: "mychatcluster",
      dependencies: [
        "ChatLoad", "ChatRedis", "ChatWire", "TestSupport", "TortureSupport", "mychatserver", "mychatclient",
      ],
      path: "Tests/ClusterTorture", swiftSettings: optimized),
    .testTarget(
      name: "TortureTests", dependencies: ["mychatcluster", "mychattorture", "FailingCalls", "TestSupport"],
      swiftSettings: strict),
  ]
)
