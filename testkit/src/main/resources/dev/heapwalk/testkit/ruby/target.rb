# SPDX-License-Identifier: Apache-2.0
# What the target scripts share. A script makes its objects and then calls Target.serve, which collects the garbage,
# prints READY and obeys commands, a line each; every answer ends with a line END. What commands need is made, and used
# once, before READY: afterwards a command allocates little but what it is about.

require "json"
require "objspace"

module Target
  COMMANDS = {}

  # Defines a command; the block gets the rest of the line and may print its answer.
  def self.command(name, &body)
    COMMANDS[name] = body
  end

  def self.settle
    5.times { GC.start }
  end

  ANY_TO_S = Kernel.instance_method(:to_s)

  # The address of an object, or nil for a value that has none. ObjectSpace.dump would say it too, but takes minutes for
  # a long string in 2.7.
  def self.address(object)
    word = ANY_TO_S.bind(object).call[/:(0x\h+)>\z/, 1].hex
    format("0x%x", word) if (word & 7).zero? && word > 0x40
  end

  # The T_ type of an object, without T_.
  def self.type(object)
    String === object ? "STRING" : ObjectSpace.dump(object)[/\A\{"address":"0x\h+", "type":"(\w+)"/, 1]
  end

  LONGEST = 4000

  def self.hex(text)
    text.b.unpack1("H*")
  end

  # What inspect gives, in hex, cut after LONGEST bytes.
  def self.inspected(object)
    hex(object.inspect.b[0, LONGEST])
  end

  def self.reference(object)
    { address: address(object), inspect: inspected(object) }
  end

  class << self
    # Where the main thread waits for a command, but for the C function gets that it calls there.
    attr_reader :waiting
  end

  # What the block does comes last before READY.
  def self.serve(&last)
    while (line = next_line(&last))
      obey(*line.chomp.split(" ", 2))
    end
    exit!(0)
  end

  # On one line, so that the locations are those of the waiting.
  def self.next_line(&last)
    (@waiting = caller_locations(0); ready(&last)) unless @waiting; $stdin.gets
  end

  def self.ready(&last)
    $stdout.sync = true
    File.open(File::NULL, "w") do |null|
      # Beside ractors, what walks the heap can wait for ever: seen in 3.2.3.
      unless defined?(Ractor) && Ractor.count > 1
        ObjectSpace.dump_all(output: null)
        null.puts(ObjectSpace.memsize_of_all)
      end
      null.puts(GC.stat.to_json, ObjectSpace.count_objects.to_json, eval("1 + 1"))
    end
    settle
    last&.call
    $stdout.puts("READY")
  end

  def self.obey(name, rest = nil)
    body = COMMANDS[name]
    raise ArgumentError, "no command #{name}" unless body
    body.call(rest)
    $stdout.puts("END")
  rescue StandardError, ScriptError => e
    $stdout.puts("FAILED #{e.class}: #{e.message} #{e.backtrace.first(5)}".tr("\n", " "))
  end

  # dump_all PATH, dump_full PATH: ObjectSpace.dump_all, the second with free slots as well.
  command("dump_all") { |path| File.open(path, "w") { |file| ObjectSpace.dump_all(output: file) } }
  command("dump_full") { |path| File.open(path, "w") { |file| ObjectSpace.dump_all(output: file, full: true) } }

  # Counts, as one line of JSON.
  command("count_objects") { puts ObjectSpace.count_objects.to_json }
  command("count_imemo") { puts ObjectSpace.count_imemo_objects.to_json }
  command("count_tdata") { puts ObjectSpace.count_tdata_objects.transform_keys(&:to_s).to_json }
  command("count_symbols") { puts ObjectSpace.count_symbols.to_json }
  command("gc_stat") { puts GC.stat.to_json }
  command("memsize") { puts ObjectSpace.memsize_of_all }

  # gc: collects the garbage. gc_disable, gc_enable.
  command("gc") { settle }
  command("gc_disable") { GC.disable }
  command("gc_enable") { GC.enable }

  # eval CODE: prints what the code gives, with to_s.
  command("eval") { |code| puts eval(code, TOPLEVEL_BINDING) }

  command("version") { puts RUBY_VERSION, RUBY_PLATFORM, RUBY_DESCRIPTION }
  command("exit") do
    puts "END"
    exit!(0)
  end
end
