# SPDX-License-Identifier: Apache-2.0
# Few objects, but of every type that needs no library, with threads and fibers that wait: what is read many times over
# is read fast.

require_relative "target"

$VERBOSE = nil

class Little
  CONSTANT = "constant of a class"
  @@variable = { "class" => :variable }

  def initialize(fields)
    fields.times { |i| instance_variable_set("@field#{i}", "field #{i}") }
  end

  def wait(argument, key: "word")
    local = [argument, key]
    yield local
  end
end

Pair = Struct.new(:left, :right)
KEPT = []
[1, 3, 20].each { |fields| KEPT << Little.new(fields) }
[5, 24, 100, 5000].each { |length| KEPT << "t" * length }
KEPT << KEPT.last[10, 3000] << ("shared " * 300).freeze << "\u00e9\u4e2d" << "\xff\xfe".b
[0, 3, 20, 500].each { |length| KEPT << (1..length).map(&:to_s) }
[0, 3, 8, 100].each { |length| KEPT << (1..length).to_h { |i| [i, i.to_s] } }
KEPT << { "default" => 1 }.compare_by_identity << Hash.new { |hash, key| hash[key] = key }
KEPT << Pair.new(1, "right") << (1.."z".ord) << 1.5e300 << 2**200 << 3r << 2i << /a(.)b/ << "a-b".match(/a(.)b/)
KEPT << :"a symbol #{$$}" << proc { |x| KEPT[x] } << method(:puts) << "bound".method(:upcase) << [3, 1].each << ObjectSpace::WeakMap.new
KEPT << Class.new(Little) { define_method(:made) { 1 } } << Module.new << Encoding::UTF_8 << $stdin << Mutex.new << Queue.new
KEPT << binding << Object.new.tap { |object| object.singleton_class.define_method(:single) { object } }
KEPT << "with variables".tap { |text| text.instance_variable_set(:@generic, KEPT[0]) } << catch(:x) { Exception.new("text") }
ObjectSpace.define_finalizer(KEPT[0], proc {})
$little = KEPT

FIBER = Fiber.new { KEPT[0].wait("fiber") { |local| Fiber.yield(local) } }
FIBER.resume
THREADS = Array.new(2) do |i|
  Thread.new do
    Thread.current[:local] = "of thread #{i}"
    KEPT[1].wait(i) { |local| sleep }
  end
end
sleep(0.01) until THREADS.all?(&:stop?)
Target.serve
