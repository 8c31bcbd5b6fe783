# SPDX-License-Identifier: Apache-2.0
# Threads and fibers that wait inside known methods.
#
#   frames PATH    writes for each thread and each suspended fiber a line of JSON:
#     kind         thread, or fiber
#     name         its name here
#     address      of the Thread or Fiber
#     status       of a thread
#     current      whether a thread is the one that obeys the command, that is, the main thread
#     backtrace    path, absolute_path, lineno, label and base_label of each frame, the innermost first
#     inside       the C function that is missing at the head of the backtrace, because the backtrace was taken by the
#                  Ruby code that calls it; else null
#     frames       the frames that noted themselves, the outermost first:
#       depth      how many frames there are from the bottom up to this one: 1 is the last of the backtrace
#       via        binding: locals are those that its Binding tells, also those of the scopes around it; its environment
#                  is on the heap.
#                  told: locals are those that it told itself; its environment may be on the VM's stack
#       method     __method__, null outside methods
#       receiver   self, as a reference
#       locals     pairs of a name and a reference

require_relative "target"
require "monitor"

$VERBOSE = nil
Thread.abort_on_exception = true

module Frames
  NOTED = {}.compare_by_identity
  LOCATIONS = {}.compare_by_identity
  NAMES = {}.compare_by_identity
  QUEUE = Queue.new
  MUTEX = Mutex.new
  CONDITION = ConditionVariable.new

  Noted = Struct.new(:depth, :via, :method, :receiver, :locals)

  def self.holder
    Thread.current[:holder]
  end

  def self.note(bound)
    (NOTED[holder] ||= []) << Noted.new(caller_locations(1).size, "binding", bound.eval("__method__"), bound.receiver, bound)
  end

  # Takes no binding: that would move the environment to the heap.
  def self.tell(receiver, method, **locals)
    (NOTED[holder] ||= []) << Noted.new(caller_locations(1).size, "told", method, receiver, locals)
  end

  def self.wait_in_queue
    QUEUE.pop
  end

  def self.wait_for_condition
    MUTEX.synchronize { CONDITION.wait(MUTEX) }
  end

  # Waits in a fiber; on one line, so that the locations are those of the waiting.
  def self.suspend
    LOCATIONS[holder] = caller_locations(0); Fiber.yield
  end

  def self.thread(name, &block)
    thread = Thread.new do
      Thread.current[:holder] = Thread.current
      block.call
    end
    thread.name = name
    NAMES[thread] = name
  end

  # A fiber has fiber-local variables of its own.
  def self.fiber(name, *arguments, &block)
    made = nil
    made = Fiber.new do |*given|
      Thread.current[:holder] = made
      block.call(*given)
    end
    NAMES[made] = name
    made.resume(*arguments)
    made
  end

  def self.locations(list)
    list.map do |l|
      { path: l.path, absolute_path: l.absolute_path, lineno: l.lineno, label: l.label, base_label: l.base_label }
    end
  end

  def self.line(holder)
    thread = Thread === holder
    current = holder.equal?(Thread.current)
    list, inside =
      if current then [Target.waiting, "gets"]
      elsif thread then [holder.backtrace_locations, nil]
      elsif holder.respond_to?(:backtrace_locations) then [holder.backtrace_locations, nil]
      else [LOCATIONS.fetch(holder), "yield"]
      end
    { kind: thread ? "thread" : "fiber", name: NAMES[holder], address: Target.address(holder), status: thread ? holder.status : nil, current: current,
      backtrace: locations(list), inside: inside, frames: (NOTED[holder] || []).map { |noted| frame(noted) } }
  end

  def self.frame(noted)
    locals = noted.locals
    pairs = Binding === locals ? locals.local_variables.map { |name| [name, locals.local_variable_get(name)] } : locals.to_a
    { depth: noted.depth, via: noted.via, method: noted.method, receiver: Target.reference(noted.receiver),
      locals: pairs.map { |name, object| [name, Target.reference(object)] } }
  end
end

# --- what they are called with

class Walker
  def initialize(steps)
    @steps = steps
  end

  def inspect
    "#<Walker #{@steps}>"
  end

  def walk(first, second = "default", *rest, last, key:, other: :other, **more, &block)
    own = [first, last]
    Frames.note(binding)
    walk_on(own, *rest, key: key, **more, &block)
  end

  def walk_on(list, *rest, **options, &block)
    sum = 0
    list.each do |element; inner|
      inner = "inner of #{element}"
      sum += element
      Frames.note(binding)
      blockless(sum, inner, &block)
    end
  end

  # Keeps no environment but on the stack.
  def blockless(sum, text, &block)
    integer = sum * 2
    float = 2.5
    symbol = :on_the_stack
    nothing = nil
    array = [integer, text]
    Frames.tell(self, :blockless, sum: sum, text: text, integer: integer, float: float, symbol: symbol, nothing: nothing, array: array)
    defined_by_block(array, symbol, &block)
  end

  define_method(:defined_by_block) do |array, symbol = nil, *rest, &block|
    in_define_method = array.size
    Frames.note(binding)
    Walker.alone(in_define_method, &block)
  end

  def self.alone(number, &block)
    in_singleton = "class method #{number}"
    Frames.note(binding)
    evaluated = eval("in_eval = number + 40; Frames.note(binding); block.call(in_eval)", binding, "evaluated.rb", 100)
    in_singleton + evaluated.to_s
  end

  def descend(depth, &block)
    squared = depth * depth
    Frames.tell(self, :descend, depth: depth, squared: squared)
    depth.zero? ? block.call : descend(depth - 1, &block)
  end

  def optional(a, b = a + 1, c = [b])
    Frames.tell(self, :optional, a: a, b: b, c: c)
    keywords(x: c, y: a) { |z| Frames.wait_in_queue }
  end

  def keywords(x:, y:, z: x.size, **rest)
    Frames.tell(self, :keywords, x: x, y: y, z: z, rest: rest)
    destructured([1, [2, 3]], 4) { |*all, (p, q), **options| yield(all) }
  end

  def destructured((a, (b, c)), d)
    Frames.tell(self, :destructured, a: a, b: b, c: c, d: d)
    yield(a, [b, c])
  end

  def protecting
    before = "before"
    begin
      raise ArgumentError, "to be rescued"
    rescue ArgumentError => error
      in_rescue = error.message
      Frames.tell(self, :protecting, before: before, error: error, in_rescue: in_rescue)
      begin
        raise "passing through"
      ensure
        in_ensure = "ensured"
        Frames.tell(self, :protecting, before: before, error: error, in_rescue: in_rescue, in_ensure: in_ensure)
        yield
      end
    end
  end

  def method_missing(name, *arguments, **keywords, &block)
    return super unless name == :phantom
    Frames.note(binding)
    block.call(*arguments)
  end

  def respond_to_missing?(name, all = false)
    name == :phantom || super
  end
  alias_method :aliased_walk, :walk
end

class Runner < Walker
  def walk(*arguments, **keywords)
    in_child = "before super"
    Frames.note(binding)
    super
  end
end

module Prepended
  def descend(depth, &block)
    in_prepended = depth + 1000
    Frames.tell(self, :descend, depth: depth, in_prepended: in_prepended)
    super
  end
end
Runner.prepend(Prepended)

module Refined
  refine Array do
    def visit(how)
      in_refinement = size
      Frames.tell(self, :visit, how: how, in_refinement: in_refinement)
      each { |element| yield(element) }
    end
  end
end
using Refined

WALKER = Walker.new(7)
main_local = "local of the main program"
main_number = 2**70

# --- threads

Frames.thread("walking") { WALKER.walk(1, 2, 3, 4, 5, key: "k", extra: 6) { |value| Frames.wait_in_queue } }
Frames.thread("aliased") { WALKER.aliased_walk(10, 20, key: "k") { |value| sleep } }
Frames.thread("super") { Runner.new(9).walk(1, 2, key: nil) { |value| Frames.wait_for_condition } }
Frames.thread("descending") { WALKER.descend(60) { Frames.wait_in_queue } }
Frames.thread("descending in a child") { Runner.new(8).descend(20) { sleep } }
Frames.thread("arguments") { WALKER.optional(5) }
Frames.thread("protecting") { WALKER.protecting { Frames.wait_in_queue } }
Frames.thread("phantom") { WALKER.phantom(1, "two") { |one, two| Frames.tell(self, nil, one: one, two: two); sleep } }
Frames.thread("required") { require_relative "frames_required" }
Frames.thread("in C functions") do
  { a: [3, 1, 2] }.each_pair do |name, numbers|
    Frames.tell(self, nil, name: name, numbers: numbers)
    numbers.map { |n| [n].each_with_index { |m, i| [[m, i]].sort_by { |pair| [1].inject(0) { |sum, x| Frames.tell(self, nil, sum: sum, x: x); [5].to_h { |y| Frames.wait_in_queue } } } } }
  end
end
Frames.thread("in many callers") do
  Object.new.instance_eval do
    in_instance_eval = 1
    Frames.note(binding)
    String.class_eval do
      in_class_eval = 2
      Frames.note(binding)
      5.instance_exec(3) do |argument|
        Frames.note(binding)
        WALKER.public_send(:descend, 1) { WALKER.method(:descend).call(1) { WALKER.method(:descend).unbind.bind(WALKER).call(0) { [1].each(&->(x) { Frames.note(binding); sleep }) } } }
      end
    end
  end
end
Frames.thread("in procs") do
  adder = lambda do |x, y = x|
    in_lambda = x + y
    Frames.note(binding)
    proc { |z, w| Frames.note(binding); 1.times { |t| 2.then { |th| Frames.tell(self, nil, z: z, th: th); Frames.wait_in_queue } } }.call(in_lambda)
  end
  adder.curry[4][5]
  adder.(6)
end
Frames.thread("numbered") { [1].each { [2].each { Frames.tell(self, nil); sleep _1 * 100_000 } } }
Frames.thread("refined") { [8, 9].visit("how") { |element| Frames.tell(self, nil, element: element); Frames.wait_in_queue } }
Frames.thread("looping") do
  for index in [5, 6] do
    while true
      until false
        loop do
          in_loop = index * 2
          Frames.note(binding)
          sleep
        end
      end
    end
  end
end
Frames.thread("catching") { catch(:tag) { |tag| catch { |other| Frames.tell(self, nil, tag: tag, other: other); sleep } } }
Frames.thread("matching") { "hello" =~ /l(l)/; "abc".gsub(/b/) { |m| Frames.tell(self, nil, m: m); sleep } }
Frames.thread("in a fiber") do
  outside = "outside the fiber"
  thread = Thread.current
  # The thread's backtrace is that of its current fiber.
  Fiber.new do |given|
    Thread.current[:holder] = thread
    inside = "inside the fiber"
    Frames.tell(self, nil, given: given, inside: inside)
    Frames.wait_in_queue
  end.resume("given")
end
Frames.thread("in an enumerator") do
  Enumerator.new { |yielder| Thread.current[:holder] = Thread.current; in_enumerator = 5; Frames.tell(self, nil, in_enumerator: in_enumerator); sleep }.next
end
Frames.thread("in a monitor") { Monitor.new.synchronize { Monitor.new.synchronize { held = 1; Frames.tell(self, nil, held: held); sleep } } }
Frames.thread("sorting") { [2, 1].sort { |a, b| Frames.tell(self, nil, a: a, b: b); sleep } }
Frames.thread("making") { Class.new { def initialize(x); Frames.tell(self, :initialize, x: x); sleep; end; def inspect; "#<made>"; end }.new("x") }
Frames.thread("with a symbol") { Class.new { def go; Frames.tell(self, :go); sleep; end; def inspect; "#<going>"; end }.new.then { |one| [one].each(&:go) } }
Frames.thread("comparing") { Class.new { include Comparable; def <=>(other); Frames.tell(self, :<=>, other: other); sleep; end; def inspect; "#<odd>"; end }.new == 3 }
Frames.thread("größe") do
  größe = "unicode local"
  Frames.note(binding)
  sleep
end
Frames.thread("evaluated") { eval("value = 5\nFrames.note(binding)\n\nsleep", TOPLEVEL_BINDING.dup, "einhängen.rb", 7) }
Frames.thread("evaluated without a name") { eval("unnamed = 6; Frames.note(binding); sleep") }
Frames.thread("in an instruction sequence") { RubyVM::InstructionSequence.compile("compiled = 1\nFrames.note(binding)\nsleep", "compiled.rb", "/compiled/compiled.rb", 30).eval }
Frames.thread("stopped") { Thread.stop }
Frames.thread("ended") { "value" }.then { |name| Frames::NAMES.key(name).join }

# --- fibers

FIBERS = [
  Frames.fiber("suspended", "given") { |given| inside = "inside"; Frames.note(binding); Frames.suspend },
  Frames.fiber("suspended deep") { WALKER.walk(1, 2, key: "fiber") { |value| Frames.suspend } },
  Frames.fiber("suspended in recursion") { WALKER.descend(30) { Frames.suspend } },
  Frames.fiber("suspended in C functions") { [1].map { |x| [2].each_with_object([]) { |y, list| Frames.tell(self, nil, x: x, y: y, list: list); Frames.suspend } } },
  Frames.fiber("suspended while it protects") { WALKER.protecting { Frames.suspend } },
  Frames.fiber("resumed several times") { 3.times { |i| Frames.suspend } }.tap { |f| 2.times { f.resume } },
  Frames.fiber("with a fiber inside") { inner = Fiber.new { Fiber.yield }; inner.resume; Frames.note(binding); Frames.suspend },
]
Fiber.new { "ended" }.resume

Thread.current[:holder] = Thread.current
Frames::NAMES[Thread.current] = "main"
Frames.note(binding)

Target.command("frames") do |path|
  File.open(path, "w") do |file|
    Frames::NAMES.each_key { |holder| file.puts(Frames.line(holder).to_json) unless Thread === holder && !holder.alive? }
  end
end

# A thread that reads a file counts as stopped for that moment too.
calm = 0
until calm == 10
  sleep(0.01)
  calm = Frames::NAMES.keys.grep(Thread).all? { |thread| thread.equal?(Thread.current) || thread.stop? } ? calm + 1 : 0
end
Target.serve
