# SPDX-License-Identifier: Apache-2.0
# Threads and fibers that begin in C, code whose lines begin with 0 or below it, and processes that are forked.

require_relative "target"
require "fiber"

KEPT = {}

def gen
  yield 1
  yield 2
end

class Each
  include Enumerable
  def each
    yield 1
    yield 2
  end
end

# Enumerators with a fiber each, which begins in a method in C.
KEPT[:enumerators] = [
  [1, 2].each, to_enum(:gen), Enumerator.new { |y| y << 1; y << 2 }, { a: 1, b: 2 }.each_pair, [1, 2].map.with_index,
  (1..9).each_slice(2), Each.new.each_with_index, Each.new.each_entry, 3.times, loop, [1, 2].lazy.map { |x| x }.each_entry,
  Enumerator::Lazy.new([1, 2]) { |y, x| y << x }
]
KEPT[:enumerators].each(&:next)

# Fibers that begin in a method in C, and in a block.
KEPT[:fibers] = [Fiber.new(&Fiber.method(:yield)), Fiber.new { [1].each { |x| Fiber.yield(x) } }]
KEPT[:fibers].each(&:resume)

# Threads that begin in a method in C.
KEPT[:threads] = [Thread.new(&Kernel.method(:sleep)), Thread.new(&Queue.new.method(:pop))]

[-5, -1, 0, -2147483647, 2147483640].each do |line|
  KEPT[:threads] << eval("Thread.new { sleep }", binding, "line#{line}.rb", line)
end
KEPT[:threads] << eval("Thread.new {\n\n sleep }", binding, "crosses.rb", -2)
KEPT[:threads] << eval("def calls; yield; end\n def within; calls { sleep }; end; Thread.new { within }", binding,
                       "calls.rb", -1)
KEPT[:proc] = eval("proc { 1 }", binding, "line-7.rb", -7)
sleep(0.01) until KEPT[:threads].all?(&:stop?)

# backtraces: for each of these threads, and fibers where they tell it, the address and the lines of its backtrace in
# hex, with tabs between.
Target.command("backtraces") do
  fibers = Fiber.method_defined?(:backtrace) ? ObjectSpace.each_object(Fiber).reject { |one| one == Fiber.current } : []
  (KEPT[:threads] + fibers).each do |one|
    lines = one.backtrace
    puts [Target.address(one), *lines.map { |line| Target.hex(line) }].join("\t") if lines && !lines.empty?
  end
end

def tell(writer, name)
  started = Thread.new { sleep }
  sleep(0.01) until started.stop?
  writer.syswrite("#{name} #{$$} #{started.respond_to?(:native_thread_id) ? started.native_thread_id : 0}\n")
end

def sleep_until_orphan(parent)
  sleep(0.2) while Process.ppid == parent
  exit!(0)
end

# children: forks a child from a thread, which becomes its main thread, and that child one of its own. Each begins a
# thread, and tells its process id and that of the thread, which it knows since 3.1.
Target.command("children") do
  reader, writer = IO.pipe
  own = $$
  Thread.new do
    fork do
      child = $$
      fork { tell(writer, "grandchild"); sleep_until_orphan(child) }
      tell(writer, "child")
      sleep_until_orphan(own)
    end
  end.join
  puts reader.gets, reader.gets
end

# named: begins three threads that tell the kernel their names.
Target.command("named") do
  3.times { |i| KEPT[:threads] << Thread.new { Thread.current.name = "named #{i}"; sleep } }
  sleep(0.01) until KEPT[:threads].all?(&:stop?)
end

Target.serve
