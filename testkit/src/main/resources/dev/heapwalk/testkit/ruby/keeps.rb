# SPDX-License-Identifier: Apache-2.0
# Objects of a C extension, keeps.c, that keep others in all the ways that extensions do. The first argument is the
# compiled extension, the second how many parts of one document have objects. kept PATH writes a line for each keeper:
# its address, what its mark function is like (exact, opaque, untyped), its way, and the addresses of what it was given.

require_relative "target"

$VERBOSE = nil

File.binwrite("#{__dir__}/keeps.so", File.binread(ARGV[0]))
require "#{__dir__}/keeps.so"

class Kept
  def initialize(text)
    @text = text
  end
end

# What is only known needs to be kept by something else.
$others = []
$keepers = []
LINES = []

def keep(way, how)
  number = Keeps::WAYS.index(way)
  objects = Array.new(6) { |i| Kept.new("kept by #{way} #{how} as #{i}") }
  objects = objects.first(1) * 6 if way == "itself"
  $others << objects if way == "weak"
  keeper = Keeps.keep(number, how, objects)
  $keepers << keeper
  kind = %w[exact opaque untyped][how]
  LINES << [Target.address(keeper), kind, way, *objects.map { |object| Target.address(object) }].join(" ")
end

Keeps::WAYS.each do |way|
  # There is one set of variables.
  (way == "variables" ? [0] : [0, 1, 2]).each { |how| keep(way, how) }
end

def clean(depth)
  depth.zero? ? 0 : clean(depth - 1)
end
clean(200)

def keep_globally(*objects)
  Keeps.globals(*objects, 0)
  LINES << objects.map { |object| Target.address(object) }.unshift("globals").join(" ")
end
keep_globally(Kept.new("registered"), Kept.new("global"))

# A document of which many parts have objects: as many as the second argument says.
count = ARGV[1].to_i
$parts = Keeps.parts(4 * count, count, Array.new(count) { |i| Kept.new("part #{i}") if i % 4 == 0 })

Target.command("kept") { |path| File.open(path, "w") { |file| file.puts(LINES) } }

Target.serve
