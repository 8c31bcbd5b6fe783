# SPDX-License-Identifier: Apache-2.0
# Objects of the core library whose contents lie in structures of C: exceptions, times, queues, monitors, sets.
#
#   told         a line of JSON with what Ruby says of each: for each kind, the address of each object and its contents
#   machine      a line of JSON with what Ruby says of itself

require_relative "target"
require "coverage"
require "monitor"
require "set"

COVERED = File.join(__dir__, "covered.rb")
File.write(COVERED, <<~RUBY)
  def covered_pick(a)
    if a > 1
      :big
    else
      :small
    end
  end

  def covered_never(b)
    case b
    when 1 then :one
    else :other
    end
  end
  3.times { |i| covered_pick(i) }
RUBY
Coverage.start(ENV["HEAPWALK_ONESHOT"] ? { oneshot_lines: true } : { lines: true, branches: true })
require COVERED

def caught
  yield
rescue Exception => e
  e
end

def fail_deep(depth)
  depth.zero? ? raise(ArgumentError, "deep") : [1].each { fail_deep(depth - 1) }
end

class Failing
  def self.sorted
    [3, 1].sort_by { |x| raise IOError, "sorted #{x}" }
  end

  def rescued
    raise "first"
  rescue StandardError
    raise TypeError, "second"
  ensure
    @ensured = true
  end
end

def failing_thread(&block)
  Thread.new(&block).tap { |thread| thread.report_on_exception = false }
end

EXCEPTIONS = [
  caught { fail_deep(3) },
  caught { Failing.sorted },
  caught { Failing.new.rescued },
  RuntimeError.new("calm"),
  RuntimeError.new,
  IOError.new(nil),
  RuntimeError.new("set").tap { |e| e.set_backtrace(["a:1", "b:2"]) },
  caught { raise RuntimeError, "set when raised", ["c:3"] },
  RuntimeError.new("one line").tap { |e| e.set_backtrace("d:4") },
  caught { raise RuntimeError, "größe" },
  caught { raise RuntimeError, "größe".encode("UTF-16LE") },
  caught { raise RuntimeError, :symbol },
  caught { raise RuntimeError, "made by process #{$$}".to_sym },
  caught { raise RuntimeError, "x" * 3000 },
  caught { nil.no_method },
  caught { no_local_or_method },
  caught { String.no_method },
  caught { Kernel.no_method },
  caught { true.no_method },
  caught { 5.no_method },
  caught { :symbol.no_method },
  caught { NoSuchConstant },
  caught { Set::NoSuchConstant },
  caught { { a: 1 }.fetch(:b) },
  caught { throw :nobody },
  caught { throw "nobody_#{$$}".to_sym },
  caught { File.open("/no/such/file") },
  caught { eval("1 +\n nil", nil, "evaluated.rb", 7) },
  caught { exit(3) },
  caught { failing_thread { raise "in a thread" }.join },
  caught { failing_thread(&[].method(:fetch)).join },
  caught { Fiber.new { raise "in a fiber" }.resume },
  caught { (again = lambda { again.call }).call },
  caught { Integer("x") },
  caught { "x".freeze << "y" },
].freeze
# Those of which the backtrace was made into text already.
READ = [caught { fail_deep(2) }.tap(&:backtrace), caught { fail_deep(1) }.tap(&:backtrace_locations)].freeze

TIMES = [
  Time.at(1_700_000_000), Time.at(0, 123_456_789, :nsec), Time.now.tap(&:zone), Time.now.utc, Time.utc(2000, 1, 1),
  Time.at(Rational(1, 3)), Time.at(-1.5), Time.at(1.1), Time.at(10**30), Time.at(-(10**30)), Time.at(2**62),
  Time.at(4_611_686_018 + Rational(1, 7)), Time.at(-Rational(10**25, 3)), Time.new(2020, 1, 1, 0, 0, 0, "+09:00"),
  Time.new(2020, 6, 1, 0, 0, 0, 3601), Time.local(2001, 1, 1), Time.new(2020, 1, 1, 0, 0, 0, "-03:30").utc
].freeze
UNSET = Time.allocate

QUEUES = [
  Queue.new.tap { |queue| queue << 1 << "two" << :three << nil }, Queue.new.tap(&:close), Queue.new,
  SizedQueue.new(5).tap { |queue| queue << 1.5 }, SizedQueue.new(1).tap { |queue| queue << 0 },
  Queue.new.tap { |queue| 100.times { |i| queue << i }; 90.times { queue.pop } }
].freeze
WAITING = [Thread.new { QUEUES[2].pop }, Thread.new { QUEUES[2].pop }, Thread.new { QUEUES[4] << 1 }].freeze

MONITORS = [Monitor.new, Monitor.new, Monitor.new].freeze
class Mixed
  include MonitorMixin
  attr_reader :mon_data
end
MIXED = Mixed.new
HOLDER = Thread.new { MONITORS[0].synchronize { MONITORS[0].synchronize { sleep } } }
Thread.new { MONITORS[2].enter }.join

GROUPS = [ThreadGroup::Default, ThreadGroup.new, ThreadGroup.new].freeze
GROUPS[1].add(HOLDER)
GROUPS[2].enclose

class OwnSet < Set; end
SETS = [Set[1, "two", :three, nil], Set.new, Set.new((1..40).to_a), OwnSet[2.5], Set[1, 2, 3].tap { |set| set.delete(2) }].freeze

Plain = Struct.new(:a, :b)
Keyed = Struct.new(:c, :d, keyword_init: true)
class Sub < Plain; end
STRUCTS = [Plain.new(1, "two"), Keyed.new(c: 1), Sub.new(nil, :b)]
if defined?(Data) && Data.respond_to?(:define)
  Point = Data.define(:x, :y)
  STRUCTS << Point.new(x: 1, y: "two") << Data.define.new << Data.define(:a, :b, :c, :d, :e).new(1, 2, 3, 4, 5)
end

class Maker
  def make
    [Object.new, "made" + "text", [1, 2, 3, 4, 5, 6], { a: 1 }, Plain.new(1, 2)]
  end

  def self.many
    Array.new(50) { Maker.new }
  end
end
ObjectSpace.trace_object_allocations_start
# Lines may be below zero.
TRACED = [-5, -1, 0, 1, 70_000].map { |line| eval("Object.new", nil, "evaluated.rb", line) } + Maker.new.make + Maker.many
ObjectSpace.trace_object_allocations_stop

Thread.pass until (WAITING + [HOLDER]).all?(&:stop?)

def told(objects)
  objects.map { |object| [Target.address(object), yield(object)] }
end

def value(object)
  Symbol === object ? ":#{object}" : object
end

TOLD = lambda do
  {
    exceptions: told(EXCEPTIONS + READ) do |e|
      { message: e.message.encode("UTF-8"), backtrace: e.backtrace, cause: e.cause && Target.address(e.cause) }
    end,
    times: told(TIMES) do |t|
      { sec: t.to_i.to_s, nsec: t.nsec, subsec: t.subsec.to_s, utc: t.utc?, utc_offset: t.utc_offset, zone: t.zone }
    end,
    queues: told(QUEUES) { |q| { size: q.size, max: q.respond_to?(:max) ? q.max : nil, closed: q.closed?, waiting: q.num_waiting } },
    sets: told(SETS) { |set| set.map { |element| value(element) } },
    structs: told(STRUCTS) { |struct| struct.to_h.transform_values { |v| value(v) } },
    monitors: told(MONITORS) { |m| { locked: m.mon_locked? } },
    groups: told(GROUPS) { |g| { enclosed: g.enclosed?, threads: g.list.map { |t| Target.address(t) } } },
    traced: told(TRACED) do |o|
      { file: ObjectSpace.allocation_sourcefile(o), line: ObjectSpace.allocation_sourceline(o),
        method: ObjectSpace.allocation_method_id(o), class_path: ObjectSpace.allocation_class_path(o),
        generation: ObjectSpace.allocation_generation(o) }
    end
  }
end
Target.command("told") { puts JSON.generate(TOLD.call, ascii_only: true) }
Target.command("machine") do
  puts({ load_path: Target.address($LOAD_PATH), loaded_features: Target.address($LOADED_FEATURES),
         top_self: Target.address(TOPLEVEL_BINDING.receiver), thgroup_default: Target.address(ThreadGroup::Default),
         threads: Thread.list.map { |t| Target.address(t) }, holder: Target.address(HOLDER), unset: Target.address(UNSET),
         waiting: WAITING.map { |t| Target.address(t) }, mixed: Target.address(MIXED.mon_data), covered: COVERED,
         coverage: Coverage.peek_result[COVERED].transform_values { |counted| Hash === counted ? counted.to_a : counted } }.to_json)
end

Target.serve
