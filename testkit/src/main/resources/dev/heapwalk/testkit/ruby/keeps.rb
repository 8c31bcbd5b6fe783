# SPDX-License-Identifier: Apache-2.0
# Objects of a C extension, keeps.c, that keep others in all the ways that extensions do. The first argument is the
# compiled extension, the second how many parts of one document have objects. kept PATH writes a line for each keeper:
# its address, what its mark function is like (exact, opaque, untyped), its way, and the addresses of what it was given.
# leads PATH writes a line for each object that leads into the memory of another: its address, the kind and address of
# that other. spread PATH writes the addresses of objects that lead to very much memory, and in a second line those of
# all objects that are in there.

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

# Objects with much memory, and the words that tell where that is: in the object, and in what that points to. Until 3.2
# there is a heap of its own for what has few kilobytes; since then an object with many variables has a table of them.
$held = Array.new(3000) { |i| Kept.new("held as #{i}") }
$table = $held.each_with_index.to_h { |object, i| [i, object] }
$bytes = $held.map { |object| Target.address(object).hex }.pack("Q*")
$object = Kept.new("with instance variables")
(RUBY_VERSION >= "3.2" ? 50 : 600).times { |i| $object.instance_variable_set("@held_#{i}", $held[i]) }
$struct = Struct.new(*Array.new(600) { |i| :"member_#{i}" }).new(*Array.new(600) { |i| $held[i] })
in_slot = RUBY_VERSION >= "3.3"
$leaders = {
  "array" => [$held, 4, -1],
  "hash" => in_slot ? [$table, 9, -1] : [$table, 2, 6],
  "string" => [$bytes, 3, -1],
  "object" => [$object, RUBY_VERSION >= "3.2" ? 2 : 3, -1],
  "struct" => [$struct, 3, -1]
}.map { |kind, (object, word, inner)| [Keeps.lead(object, word, inner), kind, object] }

Target.command("leads") do |path|
  lines = $leaders.map { |leader, kind, object| [Target.address(leader), kind, Target.address(object)].join(" ") }
  File.write(path, lines.join("\n"))
end

# More references in one piece than are kept for later objects.
Target.command("spread") do |path|
  $spread = Keeps.spread($held, $held.size, 400) + Keeps.spread($held, $held.size, 401)
  File.write(path, [$spread, $held].map { |objects| objects.map { |one| Target.address(one) }.join(" ") }.join("\n"))
end

Target.command("kept") { |path| File.open(path, "w") { |file| file.puts(LINES) } }

Target.serve
