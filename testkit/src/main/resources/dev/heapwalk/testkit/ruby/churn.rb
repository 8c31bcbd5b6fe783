# SPDX-License-Identifier: Apache-2.0
# Threads that go on allocating, from READY on.
#
#   rounds    prints how many rounds each thread has made, as one line of JSON
#   stop      makes them wait after their round; run lets them go on
#   check     prints how many objects they hold, after a check that each is what it should be

require_relative "target"

THREADS = Integer(ARGV.fetch(0, "4"))
KEEP = 2000

class Node
  attr_reader :number, :text, :list, :map
  def initialize(number)
    @number = number
    @text = "node #{number} " * (number % 40 + 1)
    @list = Array.new(number % 60) { |i| i.odd? ? i : "element #{i}" }
    @map = (0...(number % 30)).to_h { |i| ["key #{i}", i * number] }
    instance_variable_set("@extra#{number % 11}", 2**(number % 300))
  end

  def sound?
    @text == "node #{@number} " * (@number % 40 + 1) && @list.size == @number % 60 && @map.all? { |key, value| value == key[4..-1].to_i * @number }
  end
end

class Churn
  attr_reader :rounds, :kept

  def initialize(seed)
    @random = Random.new(seed)
    @kept = {}
    @rounds = 0
    @running = false
    @stopped = Queue.new
    @go = Queue.new
    @thread = Thread.new { loop { round; pause unless @running } }
    @thread.name = "churn #{seed}"
    @thread.abort_on_exception = true
    @stopped.pop
  end

  def round
    50.times do
      number = @random.rand(1_000_000)
      @kept[number] = Node.new(number)
      @kept.shift if @kept.size > KEEP
    end
    # Garbage of other kinds.
    ("garbage" * @random.rand(5000)).sub(/b./) { |found| found.upcase }
    Array.new(@random.rand(3000)) { |i| i.to_s }.sort.each_slice(10).to_a
    "symbol #{@random.rand(100_000)}".to_sym
    made = Class.new(Node) { define_method(:own) { |x| x }; attr_accessor :a, :b }
    made.new(@random.rand(1000)).define_singleton_method(:single) { 1 } if @rounds % 10 == 0
    Fiber.new { Fiber.yield(1) }.resume if @rounds % 20 == 0
    [1, 2, 3].each.next if @rounds % 20 == 10
    Struct.new(:x, :y).new(1, [2]) if @rounds % 30 == 0
    @rounds += 1
  end

  def pause
    @stopped << true
    @go.pop
  end

  def stop
    return unless @running
    @running = false
    @stopped.pop
  end

  def run
    return if @running
    @running = true
    @go << true
  end
end

churns = Array.new(THREADS) { |i| Churn.new(i + 1) }

Target.command("rounds") { puts churns.map(&:rounds).to_json }
Target.command("stop") { churns.each(&:stop) }
Target.command("run") { churns.each(&:run) }
Target.command("check") do
  churns.each(&:stop)
  nodes = churns.flat_map { |churn| churn.kept.values }
  harmed = nodes.reject(&:sound?)
  churns.each(&:run)
  raise "#{harmed.size} of #{nodes.size} are harmed" unless harmed.empty?
  puts nodes.size
end
Target.serve { churns.each(&:run) }
